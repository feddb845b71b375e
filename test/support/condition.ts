/**
 * Waiting for a condition that sends no event, such as a process that has gone: asks again and again, within
 * a bound. Where there is an event or a promise, wait for that instead.
 */
import { setTimeout as pause } from 'node:timers/promises'

/** Resolves when `holds` says so; rejects, naming `what`, when it has not within `withinMs`. */
export async function until(what: string, holds: () => boolean, withinMs = 10_000): Promise<void> {
  const end = performance.now() + withinMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`Not within ${withinMs} ms: ${what}`)
    await pause(5)
  }
}

/**
 * The same for a state of this process that may be over within milliseconds: looks once in every turn of the
 * event loop, so that nothing which a later turn brings to an end is missed. Keeps a core busy meanwhile.
 */
export async function untilSeen(what: string, holds: () => boolean, withinMs = 10_000): Promise<void> {
  const end = performance.now() + withinMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`Not seen within ${withinMs} ms: ${what}`)
    await turns(1)
  }
}

/** Lets every callback run that is due already, without waiting for time to pass. */
export async function turns(count = 3): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(resolve => setImmediate(resolve))
}
