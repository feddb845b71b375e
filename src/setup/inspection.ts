/**
 * Asks an environment's own Python what works in it: the BLAS, MLX and the packages beside it. One process,
 * about a tenth of a second; set-up trusts nothing it has made before this has answered.
 */

import { join } from 'node:path'
import { type CommandOptions, runCommand } from './command.ts'

/** What one part of the environment says of itself; `problem` is the reason why it does not work. */
export type PartReport = { readonly detail: string; readonly problem?: string }

/** What works in an environment. A part that the process did not live to report is missing. */
export type Inspection = {
  /** `detail`: the kernels that OpenBLAS chose for this processor, empty for another BLAS. */
  readonly blas?: PartReport
  /** `detail`: version and device. */
  readonly mlx?: PartReport
  readonly tokenizers?: PartReport
  readonly msgpack?: PartReport
  readonly worker?: PartReport
  /** Why the process ended early: a crash inside a library, no such program. */
  readonly problem?: string
}

/**
 * Each part reports on a line of its own as soon as it is known, so that a crash in the next one (a library
 * for another processor) does not take the earlier answers with it.
 */
const script = `
import ctypes, json, sys

blas_library, python_folder = sys.argv[1:3]

def report(part, check):
    try:
        answer = {"detail": check()}
    except BaseException as error:
        answer = {"detail": "", "problem": "%s: %s" % (type(error).__name__, error)}
    print(json.dumps({"part": part, "report": answer}), flush=True)

def blas():
    library = ctypes.CDLL(blas_library, mode=ctypes.RTLD_GLOBAL)
    row_major, as_it_is = 101, 111
    floats = lambda *values: (ctypes.c_float * len(values))(*values)
    left, right, product = floats(1, 2, 3, 4, 5, 6), floats(7, 8, 9, 10, 11, 12), floats(0, 0, 0, 0)
    library.cblas_sgemm.restype = None
    library.cblas_sgemm(
        row_major, as_it_is, as_it_is, 2, 2, 3, ctypes.c_float(1), left, 3, right, 2, ctypes.c_float(0), product, 2)
    if list(product) != [58, 64, 139, 154]:
        raise ArithmeticError("cblas_sgemm gives %s" % list(product))
    try:
        core_name = library.openblas_get_corename
    except AttributeError:
        return ""
    core_name.restype = ctypes.c_char_p
    return core_name().decode()

def mlx():
    import mlx.core as mx
    square = mx.array([[1.0, 2.0], [3.0, 4.0]])
    if (square @ square).tolist() != [[7.0, 10.0], [15.0, 22.0]]:
        raise ArithmeticError("MLX multiplies wrongly")
    return "%s on %s" % (mx.__version__, "Metal" if mx.default_device() == mx.Device(mx.gpu) else "CPU")

def tokenizers():
    import tokenizers
    return tokenizers.__version__

def msgpack():
    import msgpack
    return ".".join(map(str, msgpack.version))

def worker():
    import importlib.util
    sys.path.insert(0, python_folder)
    found = importlib.util.find_spec("evidence_runner.__main__")
    if found is None:
        raise ImportError("no evidence_runner/__main__.py in " + python_folder)
    return found.origin

if blas_library:
    report("blas", blas)
for part in (mlx, tokenizers, msgpack, worker):
    report(part.__name__, part)
`

/** Looks into the environment of `python`, with `blasLibrary` loaded first as a worker does it. */
export async function inspectEnvironment(
  python: string,
  blasLibrary: string | undefined,
  packageFolder: string,
  options: Pick<CommandOptions, 'signal'> = {},
): Promise<Inspection> {
  const args = ['-I', '-c', script, blasLibrary ?? '', join(packageFolder, 'python')]
  const answer = await runCommand(python, args, { ...options, timeoutMs: 60_000 })
  const reports = answer.stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as { part: string; report: PartReport })
  const inspection: Inspection = Object.fromEntries(reports.map(({ part, report }) => [part, report]))
  if (answer.code === 0) return inspection
  const lastLine = answer.stderr.trim().split('\n').at(-1)
  return { ...inspection, problem: answer.problem ?? lastLine ?? `exit code ${answer.code}` }
}

/** What language models need, apart from the rest: most environments have none of it, and it takes seconds. */
const generatorScript = `
import importlib.metadata, importlib.util, json, sys

wanted = ("mlx_lm", "transformers", "llguidance", "huggingface_hub")
lacking = [name for name in wanted if importlib.util.find_spec(name) is None]
if len(lacking) == len(wanted):
    sys.exit()
try:
    if lacking:
        raise ImportError("no " + ", ".join(lacking))
    import resource
    resource.setrlimit = lambda *limits: None  # mlx_lm would lower how many files may be open; workers don't let it
    import mlx_lm, llguidance, huggingface_hub
    version = lambda name: name + " " + importlib.metadata.version(name)
    answer = {"detail": ", ".join(map(version, ("mlx-lm", "transformers", "llguidance", "huggingface-hub")))}
except BaseException as error:
    answer = {"detail": "", "problem": "%s: %s" % (type(error).__name__, error)}
print(json.dumps(answer), flush=True)
`

/** What the packages for language models say of themselves; undefined where there are none. A few seconds. */
export async function inspectGenerator(
  python: string,
  options: Pick<CommandOptions, 'signal'> = {},
): Promise<PartReport | undefined> {
  const args = ['-I', '-c', generatorScript]
  const { stdout, stderr, code, problem } = await runCommand(python, args, { ...options, timeoutMs: 120_000 })
  const line = stdout.split('\n').findLast(each => each.startsWith('{'))
  if (line !== undefined) return JSON.parse(line) as PartReport
  if (code === 0) return undefined
  return { detail: '', problem: problem ?? stderr.trim().split('\n').at(-1) ?? `exit code ${code}` }
}
