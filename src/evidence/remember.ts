/** Findings that outlive the process: kept under the request's key, and taken back only as they were. */
import { valueHash } from '../core/trace.ts'
import type { MemoStore } from '../plan/ports.ts'
import type { Findings } from './result.ts'

/** Findings that were kept for a request; undefined where there are none, or not as they were kept. */
export async function recall(memo: MemoStore | undefined, key: string): Promise<Findings | undefined> {
  const entry = await memo?.get(key)
  if (entry === undefined || valueHash(entry.value) !== entry.exactHash) return undefined
  return entry.value as Findings
}

/** Keeps findings, off the path. */
export function remember(memo: MemoStore | undefined, key: string, findings: Findings): void {
  memo?.set(key, { value: findings, traceHash: findings.trace.hash, exactHash: valueHash(findings) })
}
