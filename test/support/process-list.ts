/**
 * Which processes there are, read from the system: so that tests can see workers that nobody told them of.
 * A process that has ended but was not waited for counts as gone.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

type Entry = {
  readonly pid: number
  readonly parent: number
  readonly state: string
  readonly command: string
}

/** Process ids of the evidence_runner workers that `parent` started, the program that runs this by default. */
export const workersOf = (parent: number = process.pid): number[] =>
  entries()
    .filter(entry => entry.parent === parent && isWorker(entry) && entry.state !== 'Z')
    .map(({ pid }) => pid)

/** True while a worker with this process id runs. */
export const workerRuns = (pid: number): boolean =>
  entries().some(entry => entry.pid === pid && isWorker(entry) && entry.state !== 'Z')

const isWorker = ({ command }: Entry) => /-m evidence_runner/.test(command)

const entries = (): Entry[] => (process.platform === 'linux' ? fromProc() : fromPs())

function fromProc(): Entry[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        const status = readFileSync(`/proc/${name}/stat`, 'latin1')
        // The second field, the program's name, stands in brackets and may hold anything.
        const [state = '', parent] = status.slice(status.lastIndexOf(')') + 2).split(' ')
        const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ')
        return [{ pid: Number(name), parent: Number(parent), state, command }]
      } catch {
        return [] // it ended while we looked
      }
    })
}

function fromPs(): Entry[] {
  const { stdout } = spawnSync('ps', ['-axww', '-o', 'pid=,ppid=,stat=,command='], { encoding: 'utf8' })
  return stdout.split('\n').flatMap(line => {
    const [, pid, parent, state = '', command = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    if (pid === undefined) return []
    return [{ pid: Number(pid), parent: Number(parent), state: state.charAt(0), command }]
  })
}
