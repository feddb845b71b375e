/**
 * What Python sources import, read by Python's own parser, and the doors that MLX has on that side: the light
 * parts of a worker must start without it.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { repository } from './import-graph.ts'

/** One import. `onDemand`: it stands in a function, so that loading the file does not load the package. */
export type PythonImport = {
  readonly file: string
  readonly line: number
  /** The top of the package's name, `mlx` of mlx.core; empty for a relative import. */
  readonly package: string
  readonly onDemand: boolean
}

const parser = `
import ast, json, sys

def imports(file, text):
    def walk(node, on_demand):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module if node.level == 0 else ""]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__"):
                names = [str(node.args[0].value)]
        for name in names:
            yield {"file": file, "line": node.lineno, "package": name.split(".")[0], "onDemand": on_demand}
        inside = on_demand or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)
    return list(walk(ast.parse(text, file), False))

json.dump([found for file, text in json.load(sys.stdin).items() for found in imports(file, text)], sys.stdout)
`

/** All imports of the sources, given by path. */
export function pythonImports(texts: Readonly<Record<string, string>>): PythonImport[] {
  const python = join(repository, 'python', '.venv', 'bin', 'python')
  const { status, stdout, stderr, error } = spawnSync(python, ['-c', parser], {
    input: JSON.stringify(texts),
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${python} could not read the sources: ${error?.message ?? stderr}`)
  return JSON.parse(stdout) as PythonImport[]
}

const folder = 'python/evidence_runner/'

/** Where a package may be imported, and whether only inside a function. */
const doors: Readonly<Record<string, { readonly places: readonly string[]; readonly onDemand: boolean }>> = {
  mlx: { places: ['runtime.py', 'models/', 'ops/'], onDemand: true },
  mlx_lm: { places: ['models/causal.py'], onDemand: true },
  llguidance: { places: ['models/grammar.py'], onDemand: true },
  // The network is for `prepare` alone: no worker ever asks the hub.
  huggingface_hub: { places: ['prepare.py', 'hub_failure.py'], onDemand: true },
  httpx2: { places: ['prepare.py', 'hub_failure.py'], onDemand: true },
}

/** Imports of MLX elsewhere than by its doors, or where they would load it with the file. */
export function openPythonDoors(texts: Readonly<Record<string, string>>): string[] {
  return pythonImports(texts).flatMap(({ file, line, package: name, onDemand }) => {
    const door = doors[name]
    if (door === undefined) return []
    if (!door.places.some(place => file.startsWith(folder + place)))
      return [`${file}:${line} imports ${name}, whose door is ${door.places.join(', ')}`]
    return door.onDemand && !onDemand ? [`${file}:${line} imports ${name} outside a function`] : []
  })
}
