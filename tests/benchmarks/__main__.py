"""`make bench`: every speed figure of the project, one after the other."""

import runpy
from pathlib import Path

for script in sorted(Path(__file__).parent.glob("bench_*.py")):
    print(f"\n{script.stem}")
    runpy.run_path(str(script), run_name="__main__")
