/**
 * Who calls: a fixed number of callers that each wait for their answer (closed loop), or calls that come at their
 * own times whatever the answers do (open loop). Each call's time is measured; a call that fails ends the run.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { randomFrom } from './texts.ts'

/** Asks for one text; rejects when the answer is not the text's own. */
export type Ask = (text: string) => Promise<void>

/** Milliseconds of each call, and of all together. */
export type Timed = { readonly ms: number[]; readonly totalMs: number }

/** `count` callers take the next of `all` each, as soon as they are answered. */
export async function closedLoop<T>(
  count: number,
  all: readonly T[],
  ask: (one: T) => Promise<unknown>,
): Promise<Timed> {
  const waiting = all.values()
  const ms: number[] = []
  const begin = performance.now()
  await Promise.all(
    Array.from({ length: count }, async () => {
      for (const one of waiting) {
        const asked = performance.now()
        await ask(one)
        ms.push(performance.now() - asked)
      }
    }),
  )
  return { ms, totalMs: performance.now() - begin }
}

/** Asks for each of `texts` at its time in `due` (ms from the start), counted from when it was due. */
export async function openLoop(due: readonly number[], texts: readonly string[], ask: Ask): Promise<Timed> {
  const ms: number[] = []
  const begin = performance.now()
  const open: Promise<void>[] = []
  for (const [index, at] of due.entries()) {
    const left = begin + at - performance.now()
    // Timers come up to a millisecond late: the last of it is spent turning the event loop.
    if (left > 2) await wait(left - 1.5)
    while (performance.now() < begin + at) await new Promise(setImmediate)
    const call = ask(texts[index % texts.length] as string).then(() => {
      ms.push(performance.now() - begin - at)
    })
    call.catch(() => {})
    open.push(call)
  }
  await Promise.all(open)
  return { ms, totalMs: performance.now() - begin }
}

/** Arrival times in ms of a Poisson process with `perSecond` arrivals, for `durationMs`. */
export function poisson(perSecond: number, durationMs: number, seed: number): number[] {
  const random = randomFrom(seed)
  const due: number[] = []
  for (let at = 0; ; ) {
    at -= (Math.log(1 - random()) / perSecond) * 1000
    if (at > durationMs) return due
    due.push(at)
  }
}
