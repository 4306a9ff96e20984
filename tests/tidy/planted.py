"""Plants faults into copies of the tree, one at a time, and expects a check to name each."""
import pathlib
import shutil
import subprocess
import sys
import tempfile


def missed(check, root, parts, faults):
    """How many of `faults` the program `check` does not name: name -> (file, what stands there, what shall stand there,
    what is expected to be said). Where nothing stands there, it is added at the end. `parts` of `root` are copied."""
    count = 0
    for name, (file, before, after, expected) in faults.items():
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder)
            for part in parts:
                shutil.copytree(root / part, copy / part)
            target = copy / file
            text = target.read_text()
            target.write_text(text.replace(before, after, 1) if before else text + after)
            run = subprocess.run([sys.executable, check, copy], capture_output=True, text=True, check=False)
        caught = before in text and run.returncode == 1 and expected in run.stdout
        print(("caught  " if caught else "MISSED  ") + name)
        count += not caught
    return count
