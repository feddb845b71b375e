/** The form of a trace as it stands in the file: a row of the table, and what is packed in its body. */
import * as z from 'zod'
import { parseTrace } from '../core/trace-check.ts'
import type { StoredTrace } from '../plan/ports.ts'
import { unpack } from './packing.ts'

const rowSchema = z.object({
  id: z.string(),
  hash: z.string(),
  subject: z.string(),
  at: z.string(),
  status: z.enum(['ok', 'failed']),
  body: z.instanceof(Uint8Array),
  inputs: z.instanceof(Uint8Array).nullish(),
})

const bodySchema = z.object({ record: z.unknown(), facts: z.record(z.string(), z.unknown()) })

/**
 * The trace of a row; without its inputs where the row has none, or was read without them.
 * @throws an error for a row that is not as it was written.
 */
export function traceOfRow(row: object): StoredTrace {
  const { id, subject, at, status, hash, body, inputs } = rowSchema.parse(row)
  const { record, facts } = bodySchema.parse(unpack(body))
  const trace = parseTrace(record)
  if (trace.hash !== hash) throw new Error('The hash of the row is not that of the record')
  return {
    ...{ id, subject, at, status, record: trace, facts },
    ...(inputs == null ? {} : { inputs: unpack(inputs) }),
  }
}
