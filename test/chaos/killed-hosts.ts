/**
 * Hosts of a busy pool that are killed with SIGKILL at random moments, from before their workers are warm to
 * long after: how many of their workers are left three seconds later.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { workerRuns, workersOf } from '../support/process-list.ts'
import type { Report } from './disturbance.ts'

const limitMs = 3000
const latestKillMs = 1200
const mark = 'EVIDENCE_RUNNER_SOAK'

/** Starts and kills one host after the other for `totalMs`; at least three. */
export async function killHosts(totalMs: number): Promise<Report> {
  const end = performance.now() + totalMs
  let hosts = 0
  let workers = 0
  let survivors = 0
  let slowestMs = 0
  while (hosts < 3 || performance.now() < end) {
    hosts += 1
    const id = `${process.pid}-${hosts}`
    const host = spawn(process.execPath, [join(import.meta.dirname, 'busy-host.ts')], {
      stdio: 'ignore',
      env: { ...process.env, [mark]: id },
    })
    await once(host, 'spawn')
    await pause(100 + Math.random() * latestKillMs)
    const children = workersOf(host.pid)
    workers += children.length
    host.kill('SIGKILL')
    await once(host, 'exit')
    const killedAt = performance.now()
    const left = () => marked(id, children)
    while (left().length > 0 && performance.now() - killedAt < limitMs) await pause(10)
    slowestMs = Math.max(slowestMs, performance.now() - killedAt)
    for (const pid of left()) {
      survivors += 1
      process.kill(pid, 'SIGKILL')
    }
  }
  return {
    name: 'hosts killed with SIGKILL',
    ok: survivors === 0,
    hosts,
    workers,
    [`left after ${limitMs} ms`]: survivors,
    'all were gone after, at most': `${Math.round(slowestMs)} ms`,
  }
}

/** Processes of a host that is gone: by a mark in their environment, where the system shows it. */
function marked(id: string, children: readonly number[]): number[] {
  if (process.platform !== 'linux') return children.filter(workerRuns)
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(name => {
      try {
        return readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(`${mark}=${id}`)
      } catch {
        return false // it ended while we looked, or is somebody else's
      }
    })
    .map(Number)
}
