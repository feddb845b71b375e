/**
 * A script in a process of its own, under Node's permission model, with every use of files, network and other
 * programs written down from the moment it asks for it; and a Python that does the same for a worker.
 */
import { spawn } from 'node:child_process'
import { chmod, readFile, realpath, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { python } from './echo-pool.ts'
import { repository } from './import-graph.ts'

/** Something that a process did, such as `fs.readFile /etc/hosts`. */
export type Deed = string

export type WatchedRun = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What the script's own process did after `globalThis.watch()`. */
  readonly deeds: readonly Deed[]
  /** What its workers did from their start. */
  readonly workerDeeds: readonly Deed[]
}

type Folder = {
  readonly path: string
  write(name: string, content: string): Promise<string>
}

const limitMs = 40_000

/** Replaces what Node reaches the outside by; the notes are kept in memory and printed at the end. */
const preload = `
import fs from 'node:fs'
import net from 'node:net'
import dns from 'node:dns'
import dgram from 'node:dgram'
import http from 'node:http'
import https from 'node:https'
import child from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'
const deeds = []
let watching = false
const say = value => value instanceof URL ? value.href : typeof value === 'object' ? JSON.stringify(value) : String(value)
function cover(name, holder, only) {
  for (const key of only ?? Object.keys(holder)) {
    const own = holder[key]
    if (typeof own !== 'function' || /^[A-Z_]/.test(key)) continue
    holder[key] = function (...given) {
      if (watching) deeds.push(name + '.' + key + ' ' + say(given[0]))
      return Reflect.apply(own, this, given)
    }
    Object.assign(holder[key], own)
  }
}
const whole = ['read', 'write', 'close', 'fstat', 'readSync', 'writeSync', 'closeSync', 'fstatSync']
cover('fs', fs, Object.keys(fs).filter(key => !whole.includes(key)))
cover('fs.promises', fs.promises)
cover('net', net.Socket.prototype, ['connect'])
cover('net', net.Server.prototype, ['listen'])
cover('dns', dns)
cover('dns.promises', dns.promises)
cover('dgram', dgram, ['createSocket'])
cover('http', http, ['request', 'get'])
cover('https', https, ['request', 'get'])
cover('child_process', child)
cover('global', globalThis, ['fetch'])
syncBuiltinESMExports()
globalThis.watch = () => { watching = true }
globalThis.tellDeeds = () => {
  watching = false
  console.log('DEEDS ' + JSON.stringify(deeds))
}
`

/** Runs a worker's module under an audit hook, which Python itself calls before it opens or connects. */
const guard = `
import os, runpy, sys
log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
watched = ('open', 'socket.', 'subprocess.', 'os.exec', 'os.posix_spawn', 'os.system', 'urllib.', 'http.')
def note(event, given):
    if event.startswith(watched):
        os.write(log, (event + ' ' + ' '.join(str(one) for one in given[:2]) + '\\n').encode('utf-8', 'replace'))
sys.addaudithook(note)
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)
`

/**
 * Runs a module of `script` lines. It finds `root`, the address of the repository's `src/`, and `pythonCommand`, the
 * watched Python; it calls `watch()` when it is ready to be watched.
 */
export async function runWatched(script: string, folder: Folder): Promise<WatchedRun> {
  const log = join(folder.path, 'worker-deeds.txt')
  const guarded = await folder.write('guard.py', guard.replace('LOG', JSON.stringify(log)))
  // What a Python stands beside is looked for where it lies.
  const command = await folder.write('place/bin/python', `#!/bin/sh\nexec "${python}" "${guarded}" "$@"\n`)
  await chmod(command, 0o755)
  await symlink(join(dirname(dirname(python)), 'lib'), join(folder.path, 'place', 'lib'))
  const hook = await folder.write('preload.mjs', preload)
  const head = `const root = ${JSON.stringify(pathToFileURL(join(repository, 'src/')).href)}
const pythonCommand = ${JSON.stringify(command)}\n`
  const main = await folder.write('script.mjs', `${head}${script}\ntellDeeds()\n`)
  const readable = [await realpath(repository), repository, join(folder.path, '*')]
  const child = spawn(
    process.execPath,
    [
      ...['--no-warnings', '--permission'],
      ...new Set(readable.map(path => `--allow-fs-read=${path}`)),
      '--allow-child-process',
      '--allow-worker',
      ...['--import', hook, main],
    ],
    { cwd: folder.path, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs, killSignal: 'SIGKILL' },
  )
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  const told = /^DEEDS (.*)$/m.exec(stdout)?.[1] ?? '[]'
  const written = await readFile(log, 'utf8').catch(() => '')
  return {
    ...{ code, stderr, stdout: stdout.replace(/^DEEDS .*\n/m, '') },
    deeds: JSON.parse(told) as Deed[],
    workerDeeds: written.split('\n').filter(Boolean),
  }
}
