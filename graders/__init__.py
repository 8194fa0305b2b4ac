"""The trusted side of the kit: manifests, hidden checks, sandbox, reports and the command line.

Kept empty of imports, so that the sandbox's processes can import `cvaekit.sandbox` without loading anything else.
"""
