/**
 * Which files a script really loads, told by Node's own loader: a preload that writes down every module, in
 * worker threads too. For what must stay unloaded until it is needed.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a recorded run came to. `loaded` holds an address a module, `node:fs` for Node's own. */
export type RecordedRun = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly loaded: readonly string[]
}

export type RecordedRunOptions = {
  /** @default the folder that the test runs in */
  readonly folder?: string
  readonly environment?: NodeJS.ProcessEnv
}

/** A script that does not end is stopped then, and gives no exit code. */
const limitMs = 30_000

const preload = `
import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.LOAD_RECORD, url + '\\n')
    return next(url, context)
  },
})
`

/** Runs the script in `file` to its end. */
export function recordLoads(file: string, options: RecordedRunOptions = {}): RecordedRun {
  const folder = mkdtempSync(join(tmpdir(), 'evidence-runner-loads-'))
  try {
    const record = join(folder, 'loaded.txt')
    const hook = join(folder, 'preload.mjs')
    writeFileSync(hook, preload)
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', hook, file], {
      cwd: options.folder,
      env: { ...(options.environment ?? process.env), LOAD_RECORD: record },
      encoding: 'utf8',
      timeout: limitMs,
      killSignal: 'SIGKILL',
    })
    const loaded = existsSync(record) ? readFileSync(record, 'utf8').split('\n').filter(Boolean) : []
    return { code: status, stdout, stderr, loaded }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The packages from outside among the addresses of a run, each once, sorted. */
export function packagesOf(loaded: readonly string[]): string[] {
  const names = loaded.flatMap(url => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
  return [...new Set(names)].sort()
}
