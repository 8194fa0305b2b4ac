"""Hold an assignment to what an instructor relies on. Every complaint names the place, the fault, and what to do."""

import ast
import importlib
import re
import traceback
from collections.abc import Callable, Iterator

from cvaekit import bank, real_life
from cvaekit.author import hint_rules
from cvaekit.author.generated_files import differences, generated_files
from cvaekit.bank import BankError
from cvaekit.grading.data import SetupError
from cvaekit.grading.session import Session, use_one_thread
from cvaekit.kit import Assignment, Kit, KitError, read, read_toml
from cvaekit.manifest import core_checks
from cvaekit.starter import starter
from cvaekit.student.gaps import definition, gaps_in
from cvaekit.submission.intake import Submission

Complaints = Iterator[str]
UNTOUCHED = ("not_attempted", "blocked")  # what every task of the starter has to be


def check_files(kit: Kit, name: str) -> list[str]:
    """What the files tell, in seconds, with nothing graded.

    Stops after a manifest, a bank or a solution with faults, for all else is read with their help.
    """
    found: list[str] = []
    try:
        assignment = kit.assignment(name)
        bank.load(assignment)
        found += _starter_text(assignment)
    except KitError as error:
        return str(error).splitlines()
    parts = (_probes, _checks, _banks, _real_life, hint_rules.faults_of_hints, _handout, _plan, _visible_tests)
    for part in (*parts, _generated):
        try:
            found += part(assignment)
        except KitError as error:
            found += str(error).splitlines()
    return list(dict.fromkeys(found))  # two parts may read one file


def check_grading(
    assignment: Assignment,
    *,
    jobs: int = 1,
    thorough: bool = False,
    on_entry: Callable[[str], None] = lambda entry: None,
) -> Complaints:
    """What grading tells: the reference gets full marks, the starter none, and the banks what they should.

    `on_entry` hears the id of each entry of the banks when it is graded. Raises SandboxError where submissions cannot
    be run.
    """
    if broken := list(_imports(assignment)):
        yield from broken
        return
    try:
        with Session(assignment) as session:
            if session.fault:
                remedy = "Mend the check or the probe (a traceback above names the line that broke), or the reference."
                yield f"graders/{assignment.name}, {_reference(assignment)}: {session.fault} {remedy}"
                return
            yield from _starter_marks(session)
            yield from _bank_marks(session, jobs, thorough, on_entry)
    except (KitError, SetupError) as error:
        yield from str(error).splitlines()


# ------------------------------------------------------------------------------------------- the files alone


def _starter_text(assignment: Assignment) -> Complaints:
    """Each task has a place in the starter, and gaps there."""
    where, manifest = _reference(assignment), _hidden(assignment, "assignment.toml")
    try:
        tree = ast.parse(starter(assignment.reference_text))
    except SyntaxError as error:
        line = (error.text or "").strip()
        yield f"{where}: the starter made from it is no Python at `{line}` ({error.msg}); mend the lines with #:"
        return
    for task in assignment.tasks:
        function = definition(tree, task.symbol)
        if function is None:
            yield f"{manifest}, task {task.id}: symbol = {task.symbol!r} is no function in {where}; mend one of them"
            continue
        blank = [gap.name for gap in gaps_in(function, task.gaps) if gap.blank]
        for name in task.gaps:
            if name not in blank:
                yield (
                    f"{manifest}, task {task.id}: gaps names {name!r}, which the starter does not leave open; write "
                    f"`#: {name} = ...` between the markers of {task.symbol} in {where}, or mend gaps"
                )


def _probes(assignment: Assignment) -> Complaints:
    try:
        ast.parse(read(assignment.probes))
    except SyntaxError as error:
        yield f"{_hidden(assignment, assignment.probes.name)}, line {error.lineno}: {error.msg}"


def _checks(assignment: Assignment) -> Complaints:
    paths = [assignment.checks_of(task) for task in assignment.tasks]
    for path in sorted(assignment.folder.glob("test_*.py")):
        where = _hidden(assignment, path.name)
        if path not in paths:
            yield f"{where}: no task has this id, so nothing runs these checks; delete the file, or add the task"
            continue
        if not core_checks(path):
            remedy = "mark those without which an answer shows nothing with @pytest.mark.core"
            yield f"{where}: no check is core, so a wrong answer may keep points; {remedy}"
        for node in ast.parse(read(path)).body:
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            if not ast.get_docstring(node):
                yield f"{where}, line {node.lineno}: {node.name} has no docstring; write the line that reports show"
            for inner in ast.walk(node):
                if isinstance(inner, ast.Assert):
                    remedy = "raise Failure(called, got, wanted)"
                    yield f"{where}, line {inner.lineno}: an assert tells students nothing; {remedy}"


def _banks(assignment: Assignment) -> Complaints:
    banks = bank.load(assignment)
    for kind, entries, use in (
        ("mistake", banks.mistakes, "fail wrong work"),
        ("variant", banks.variants, "pass right work"),
    ):
        have = {entry.task for entry in entries}
        for task in assignment.tasks:
            if task.id not in have:
                where = _hidden(assignment, bank.FILES[kind])
                yield f"{where}: task {task.id} has no {kind}; add one, or nothing shows that its checks {use}"
    for entry in bank.chosen(banks, []):
        try:
            entry.tree(banks.reference)
        except BankError as error:
            yield _hidden(assignment, str(error))


def _real_life(assignment: Assignment) -> Complaints:
    try:
        stray = real_life.unlisted(assignment)
    except BankError as error:
        yield from (_hidden(assignment, line) for line in str(error).splitlines())
        return
    for name in stray:
        where = _hidden(assignment, f"{real_life.FOLDER}/{name}")
        yield f"{where}: not listed, so nothing grades it; add it to {real_life.FILE}, or delete it"


def _handout(assignment: Assignment) -> Complaints:
    from cvaekit.notebook import instructor_notebook

    where, text = f"assignments/{assignment.name}/README.md", read(assignment.handout_file)
    yield from hint_rules.belittling_lines(text, where)
    for task in assignment.tasks:
        try:
            instructor_notebook.section(text, task.handout)
        except KeyError:
            yield f"{where}: no section #{task.handout} for {task.id}; write it, or mend `handout` in the manifest"
        told = re.search(rf"(?m)^\|\s*`{task.id}`\s*\|(?:.*\|)?\s*([\d.]+)\s*\|\s*$", text)
        if told is None:
            yield f"{where}: no points for {task.id}; add a row | `{task.id}` | ... | {task.points:g} | to its table"
        elif float(told[1]) != task.points:
            yield f"{where}: says {told[1]} points for {task.id}, and the manifest {task.points:g}; mend one of them"


def _plan(assignment: Assignment) -> Complaints:
    where = _hidden(assignment, "notebook.toml")
    cells = read_toml(assignment.folder / "notebook.toml").get("cell", [])
    tested = [cell.get("test") for cell in cells]
    for task in assignment.tasks:
        if task.id not in tested:
            yield f"{where}: no cell tests {task.id}, so nbgrader has no mark; add a [[cell]] with test = {task.id!r}"
    for number, cell in enumerate(cells, start=1):
        yield from hint_rules.solution_lines(cell.get("code", ""), f"{where}, [[cell]] number {number}", assignment)


def _visible_tests(assignment: Assignment) -> Complaints:
    folder, judged = f"assignments/{assignment.name}", set()
    for path in sorted(assignment.student_folder.glob("test_*.py")):
        text, where = read(path), f"{folder}/{path.name}"
        try:
            judged |= {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
        except SyntaxError as error:
            yield f"{where}, line {error.lineno}: {error.msg}"
        yield from hint_rules.solution_lines(text, where, assignment)
    for task in assignment.tasks:
        if f"test_{task.id}" not in judged:
            yield f"{folder}: no visible test of {task.id}; write test_{task.id} into test_{assignment.name}.py"


def _generated(assignment: Assignment) -> Complaints:
    for message in differences(generated_files(assignment)):
        yield f"{message.splitlines()[0]}; run cvaekit build --assignment {assignment.name}"


# ------------------------------------------------------------------------------------------- code and marks


def _imports(assignment: Assignment) -> Complaints:
    """Probes, checks and what else the assignment brings can be imported."""
    use_one_thread()
    assignment.kit.activate()
    optional = [name for name in ("data", "features", "explanations") if (assignment.folder / f"{name}.py").exists()]
    for name in ("probes", *optional, *(assignment.checks_of(task).stem for task in assignment.tasks)):
        try:
            importlib.import_module(f"graders.{assignment.name}.{name}")
        except Exception as error:  # the code is an author's, and may raise anything
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if frame.filename.startswith(str(assignment.kit.root))]
            line = f", line {own[-1].lineno}" if own else ""
            yield f"{_hidden(assignment, name)}.py{line}: cannot be imported: {type(error).__name__}: {error}; mend it"


def _starter_marks(session: Session) -> Complaints:
    assignment = session.assignment
    where = f"assignments/{assignment.name}/{assignment.starter}"
    text = starter(assignment.reference_text)
    report = session.grade(Submission("the starter", assignment.files[0], text.encode()))
    if report.score != 0:
        yield f"{where}: the untouched starter gets {report.score} points; leave a gap in every task that has points"
    for task in report.tasks:
        if task.status not in UNTOUCHED:
            symbol = assignment.task(task.id).symbol
            yield (
                f"{where}: task {task.id} of the untouched starter is {task.status}, not one of "
                f"{', '.join(UNTOUCHED)}; leave a gap in {symbol}, or let the task depend on one with a gap"
            )


def _bank_marks(session: Session, jobs: int, thorough: bool, on_entry: Callable[[str], None]) -> Complaints:
    from cvaekit.audit.audit import Audit, run, run_files

    audit, entries = Audit(session.assignment, complete=True), bank.chosen(bank.load(session.assignment), [])
    for verdict in run(audit, entries, session, jobs=jobs, thorough=thorough):
        on_entry(verdict.id)
    files = real_life.load(session.assignment)
    for file in run_files(audit, files, session, jobs=jobs, thorough=thorough):
        on_entry(file.id)
        if file.problem:
            where = _hidden(session.assignment, real_life.FILE)
            yield f"{where}, {file.id}: {file.problem}; mend the checks, or the entry"
    bad = [verdict for verdict in audit.verdicts if verdict.problem]
    for verdict in bad:
        where = _hidden(session.assignment, bank.FILES[verdict.kind])
        yield f"{where}, {verdict.id}: {verdict.problem}; mend the checks of {verdict.task}, or the entry"
    for problem in audit.problems_of_the_whole if not bad else ():
        yield f"{_hidden(session.assignment, bank.FILES['mistake'])}: {problem} Mend the hidden checks or the entries."


def _hidden(assignment: Assignment, file: str) -> str:
    return f"graders/{assignment.name}/{file}"


def _reference(assignment: Assignment) -> str:
    return f"reference/{assignment.name}/{assignment.reference}"
