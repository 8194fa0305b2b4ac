"""An engine that grades PyTorch exercises: it runs student code in a locked process and explains every mark.

The engine knows no assignment. Assignments live in a kit, a folder with `graders/`, `reference/` and `assignments/`.
This file imports nothing, so that the sandbox's processes can import `cvaekit.sandbox` alone.
"""
