/**
 * Processor time that work takes, in the Python processes and in this one: unlike the clock on the wall it is
 * hardly moved by what else runs on the machine. Linux only; elsewhere nothing is noted.
 */
import { readFile } from 'node:fs/promises'

/** For one text, in milliseconds. */
export type Cpu = { readonly python: number; readonly node: number }

/** Runs `work` and notes what processor time it took a text, in the processes `pids` and in this one. */
export async function withCpu(
  list: Cpu[],
  pids: readonly number[],
  texts: number,
  work: () => Promise<number>,
): Promise<number> {
  const before = await processorMs(pids)
  const node = process.cpuUsage()
  const ms = await work()
  const { system, user } = process.cpuUsage(node)
  const after = await processorMs(pids)
  if (before !== undefined && after !== undefined)
    list.push({ python: (after - before) / texts, node: (user + system) / 1000 / texts })
  return ms
}

/** Processor time of processes so far, where the system tells it in files (Linux; ticks of 10 ms). */
async function processorMs(pids: readonly number[]): Promise<number | undefined> {
  let ticks = 0
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
    if (stat === undefined) return undefined
    // After the name, which may hold spaces: user time is the 12th field, system time the 13th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks * 10
}
