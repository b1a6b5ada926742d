/**
 * The Python program that runs a Python node; only the standard library, from Python 3.8 on. It talks to
 * us in JSON lines: on the standard output it was started with we hear it, on the standard input it hears
 * us. The script gets neither: what it prints goes to standard error. When its input ends, we are gone,
 * and it ends itself with all that it started.
 */
export const PYTHON_RUNNER = String.raw`
import datetime, decimal, json, os, re, signal, sys, threading, traceback, types, uuid

sys.dont_write_bytecode = True
WORK = os.path.dirname(os.path.abspath(__file__))
# What lies beside this program is not for the script.
sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != WORK]
with open(os.path.join(WORK, "job.json"), encoding="utf-8") as file:
    JOB = json.load(file)

OUT = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
IN = os.fdopen(os.dup(0), "r", encoding="utf-8", newline="\n")
os.dup2(2, 1)
_null = os.open(os.devnull, os.O_RDONLY)
os.dup2(_null, 0)
os.close(_null)
for _stream in (sys.stdout, sys.stderr):
    _stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)

ANSWERS = []
ANSWERED = threading.Condition()
SAYING = threading.Lock()


def say(message):
    with SAYING:
        OUT.write(json.dumps(message) + "\n")
        OUT.flush()


def listen():
    for line in IN:
        with ANSWERED:
            ANSWERS.append(json.loads(line))
            ANSWERED.notify()
    if hasattr(os, "killpg"):
        os.killpg(os.getpgid(0), signal.SIGKILL)
    os._exit(1)


def ask(message):
    say(message)
    with ANSWERED:
        while not ANSWERS:
            ANSWERED.wait()
        answer = ANSWERS.pop(0)
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer


class Problem(Exception):
    def __init__(self, message, hint=None, dependency=False):
        super().__init__(message)
        self.hint = hint
        self.dependency = dependency


# -- values that come in ------------------------------------------------------------------------


def _moment(text, parse):
    try:
        return parse(text)
    except ValueError:
        return text  # infinity, years beyond 9999


def _timestamp(text):
    text = re.sub(r"([+-]\d\d)$", r"\1:00", text)
    fraction = re.search(r"\.(\d+)", text)
    if fraction:
        text = text.replace(fraction.group(0), "." + fraction.group(1)[:6].ljust(6, "0"))
    return datetime.datetime.fromisoformat(text)


def _time(text):
    fraction = re.search(r"\.(\d+)", text)
    if fraction:
        text = text.replace(fraction.group(0), "." + fraction.group(1)[:6].ljust(6, "0"))
    return datetime.time.fromisoformat(text)


def _binary(text):
    return re.sub(
        rb"\\x([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]), text.encode("latin-1")
    )


SCALARS = {
    "DATE": lambda text: _moment(text, datetime.date.fromisoformat),
    "TIMESTAMP": lambda text: _moment(text, _timestamp),
    "TIMESTAMP WITH TIME ZONE": lambda text: _moment(text, _timestamp),
    "TIME": lambda text: _moment(text, _time),
    "BLOB": _binary,
    "UUID": uuid.UUID,
}


def reader(type):
    """A function from what JSON holds to the value, or None where they are the same."""
    kind = type["type"]
    if kind == "decimal":
        return decimal.Decimal
    if kind == "list":
        of = reader(type["of"])
        return None if of is None else lambda v: [None if x is None else of(x) for x in v]
    if kind == "struct":
        fields = {f["name"]: reader(f["type"]) for f in type["fields"]}
        fields = {name: read for name, read in fields.items() if read is not None}
        if not fields:
            return None
        return lambda v: {
            k: x if x is None or k not in fields else fields[k](x) for k, x in v.items()
        }
    if kind == "map":
        key, value = reader(type["key"]), reader(type["value"])
        whole = re.match(r"^U?(TINY|SMALL|BIG)?INT(EGER)?$", type["key"].get("name", ""))
        key = int if whole else key
        return lambda v: {
            (k if key is None else key(k)): (x if x is None or value is None else value(x))
            for k, x in v.items()
        }
    return SCALARS.get(type["name"])


class Input:
    """The output of a node that this one reads."""

    def __init__(self, given):
        self.id = given["id"]
        self.path = given["path"]  # of a Parquet file, to read only
        self.columns = given["columns"]
        self.artifact = given["artifact"]  # path of the file that a model left, or None
        self.metrics = given["metrics"]

    def rows(self):
        """The rows as dicts, one after the other."""
        answer = ask({"type": "rows", "input": self.id})
        readers = [(c["name"], reader(c["type"])) for c in answer["columns"]]
        readers = [(name, read) for name, read in readers if read is not None]
        with open(answer["path"], encoding="utf-8", newline="\n") as file:
            for line in file:
                row = json.loads(line)
                for name, read in readers:
                    value = row[name]
                    if value is not None:
                        row[name] = read(value)
                yield row


class Inputs(dict):
    def __missing__(self, name):
        raise Problem(
            "It reads %r, which is not among its inputs" % (name,),
            "it may read: " + (", ".join(self) or "nothing") + "; name what it reads under inputs:",
        )


class Context:
    """What the script is given besides its inputs."""

    def __init__(self):
        self.node = JOB["node"]
        self.params = JOB["params"]
        self.training = JOB["training"]
        self.output_path = os.path.join(WORK, "output.parquet")
        self._metrics = {}
        self._artifact = None

    def log(self, *values):
        """Says something in the log of the run."""
        say({"type": "log", "message": " ".join(map(str, values))})

    def metric(self, name, value):
        """Records a number about the work: accuracy and the like."""
        value = float(value)
        if value != value or value in (float("inf"), float("-inf")):
            raise Problem("Metric %r is %r, not a finite number" % (name, value))
        self._metrics[str(name)] = value

    def artifact(self, content):
        """Keeps a file beside the rows: its bytes, or its path."""
        if self._artifact is not None:
            raise Problem("It gave a second artifact", "a node keeps one: put both into it")
        if isinstance(content, (bytes, bytearray, memoryview)):
            self._artifact = os.path.join(WORK, "artifact")
            with open(self._artifact, "wb") as file:
                file.write(content)
        else:
            self._artifact = os.path.abspath(os.fspath(content))
            if not os.path.isfile(self._artifact):
                raise Problem("There is no file %s to keep as the artifact" % self._artifact)


# -- values that go out -------------------------------------------------------------------------


def plain(value):
    """A value as JSON holds it so that SQL can cast it."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if value == value and value not in (float("inf"), float("-inf")):
            return float(value)
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, datetime.timedelta):
        return "%d microseconds" % (value // datetime.timedelta(microseconds=1))
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "".join("\\x%02x" % byte for byte in bytes(value))
    if isinstance(value, dict):
        return {str(plain(k)): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):  # numpy
        return plain(value.tolist())
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    raise Problem("a %s is not a value of a column" % type(value).__name__)


AS_THEY_ARE = {int, str, bool, type(None)}
WHOLE = re.compile(r"^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$")


def write_rows(rows):
    names = [c["name"] for c in JOB["columns"]]
    whole = {c["name"]: c["type"] for c in JOB["columns"] if WHOLE.match(c["type"])}
    keys = dict.fromkeys(names)
    path = os.path.join(WORK, "rows.jsonl")
    longest = 0
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for n, row in enumerate(rows, 1):
            if not isinstance(row, dict):
                raise Problem(
                    "Row %d is a %s, not a dict" % (n, type(row).__name__),
                    "return or yield dicts such as {'id': 1, 'name': 'Ann'}",
                )
            if row.keys() != keys.keys():
                missing = [k for k in names if k not in row]
                extra = [str(k) for k in row if k not in keys]
                words = []
                if missing:
                    words.append("lacks " + ", ".join('"%s"' % k for k in missing))
                if extra:
                    words.append(
                        "has " + ", ".join('"%s"' % k for k in extra)
                        + ", which columns: does not declare"
                    )
                raise Problem(
                    "Row %d %s" % (n, " and ".join(words)),
                    "every row has every declared column; where there is no value, None"
                    if missing
                    else "declare it under columns:, or leave it out of the rows",
                )
            line = {}
            for i, name in enumerate(names):
                value = row[name]
                try:
                    if type(value) not in AS_THEY_ARE:
                        value = plain(value)
                except Problem as problem:
                    raise Problem('Row %d, column "%s": %s' % (n, name, problem))
                if name in whole and isinstance(value, float) and not value.is_integer():
                    raise Problem(
                        'Row %d: column "%s" is %s, and %r is not a whole number'
                        % (n, name, whole[name], value),
                        "round it, or declare DOUBLE",
                    )
                if name in whole and isinstance(value, float):
                    value = int(value)
                line["c%d" % i] = value
            text = json.dumps(line, ensure_ascii=False, allow_nan=False)
            longest = max(longest, len(text))
            file.write(text + "\n")
    return {"format": "json", "path": path, "longestLine": longest}


def write_parquet(path):
    return {"format": "parquet", "path": path, "longestLine": 0}


def importable(module):
    try:
        __import__(module)
        return True
    except ImportError:
        return False


def write_result(result, output):
    module = type(result).__module__.split(".")[0]
    if result is None:
        if os.path.isfile(output):
            return write_parquet(output)
        raise Problem(
            "It returned None and wrote no %s" % os.path.basename(output),
            "return rows, a data frame, or write Parquet to context.output_path",
        )
    if module == "pyarrow":
        import pyarrow, pyarrow.parquet

        if not isinstance(result, pyarrow.Table):
            result = pyarrow.Table.from_batches(result)
        pyarrow.parquet.write_table(result, output)
        return write_parquet(output)
    if module == "polars":
        if hasattr(result, "collect"):
            result = result.collect()
        result.write_parquet(output)
        return write_parquet(output)
    if module in ("duckdb", "_duckdb"):
        result.write_parquet(output)
        return write_parquet(output)
    if module == "pandas":
        if importable("pyarrow"):
            result.to_parquet(output, index=False)
            return write_parquet(output)
        import pandas

        missing = pandas.isna
        rows = result.to_dict("records")
        return write_rows(
            {
                str(k): None if not isinstance(v, (list, dict, tuple)) and missing(v) is True else v
                for k, v in row.items()
            }
            for row in rows
        )
    if isinstance(result, (str, bytes, dict)) or not hasattr(result, "__iter__"):
        raise Problem(
            "It returned a %s, not rows" % type(result).__name__,
            "return a list or iterator of dicts, a data frame, or write to context.output_path",
        )
    return write_rows(result)


# -- the script ---------------------------------------------------------------------------------


def check_dependencies():
    import importlib.metadata

    if JOB["uv"]:
        return
    needed = re.search(r"(\d+)\.(\d+)", JOB["requiresPython"] or "")
    if needed and JOB["requiresPython"].lstrip().startswith(">="):
        least = (int(needed.group(1)), int(needed.group(2)))
        if sys.version_info[:2] < least:
            raise Problem(
                "It needs Python %s, and this is %d.%d"
                % (JOB["requiresPython"], sys.version_info[0], sys.version_info[1]),
                JOB["installUv"],
                True,
            )
    missing = []
    for dependency in JOB["dependencies"]:
        name = re.match(r"[A-Za-z0-9._-]+", dependency)
        try:
            importlib.metadata.distribution(name.group(0) if name else dependency)
        except importlib.metadata.PackageNotFoundError:
            missing.append(dependency)
    if missing:
        raise Problem(
            "It needs %s, which %s does not have" % (", ".join(missing), sys.executable),
            JOB["installUv"],
            True,
        )


def place(error, file):
    """Line of the script at which it went wrong; None where it is somewhere else."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return lines[-1] if lines else None


def tail(error, file):
    """The traceback without our own frames."""
    frames = traceback.extract_tb(error.__traceback__)
    first = next((n for n, f in enumerate(frames) if f.filename == file), None)
    if first is None:
        return ""
    return "".join(traceback.format_list(frames[first:])[-5:]).rstrip()


def main():
    file = JOB["file"]
    say({"type": "started"})
    try:
        check_dependencies()
        module = types.ModuleType("seeknal_script")
        module.__file__ = file
        sys.modules[module.__name__] = module
        import linecache

        source = "\n" * (JOB["line"] - 1) + JOB["code"]
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        exec(compile(source, file, "exec"), module.__dict__)
        run = getattr(module, "run", None)
        if not callable(run):
            raise Problem("It has no function run", "write: def run(inputs, context): ...")
        context = Context()
        inputs = Inputs((given["id"], Input(given)) for given in JOB["inputs"])
        written = write_result(run(inputs, context), context.output_path)
        say(
            {
                "type": "done",
                "rows": written,
                "metrics": context._metrics,
                "artifact": context._artifact,
            }
        )
    except BaseException as error:
        line = place(error, file)
        if isinstance(error, Problem):
            what, hint, trace = str(error), error.hint, ""
        else:
            what = traceback.format_exception_only(type(error), error)[-1].strip()
            hint, trace = None, tail(error, file)
            if isinstance(error, ModuleNotFoundError):
                hint = JOB["missingModule"]
        say(
            {
                "type": "failed",
                "message": what,
                "line": line,
                "hint": hint,
                "traceback": trace,
                "dependency": getattr(error, "dependency", False),
            }
        )
    sys.stdout.flush()
    sys.stderr.flush()


threading.Thread(target=listen, daemon=True).start()
main()
os._exit(0)
`;
