/**
 * The frames under test/golden/frames: one file a message kind, and messages.json with what each one says.
 * Bytes stand there as { "$hex": … }. The Python side reads the same files, see test/python/golden_frames.py.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FromWorker, ToWorker } from '../../src/wire/message.ts'
import { repository } from './import-graph.ts'

/** Where they lie. */
export const framesFolder = join(repository, 'test', 'golden', 'frames')

export type GoldenMessages = {
  readonly toWorker: Readonly<Record<ToWorker['type'], ToWorker>>
  readonly fromWorker: Readonly<Record<FromWorker['type'], FromWorker>>
}

/** What each frame says. */
export const goldenMessages = (): GoldenMessages =>
  JSON.parse(readFileSync(join(framesFolder, 'messages.json'), 'utf8'), (_, value) =>
    typeof value?.$hex === 'string' ? new Uint8Array(Buffer.from(value.$hex, 'hex')) : value,
  )

/** The file of one message kind. */
export const framePath = (direction: keyof GoldenMessages, type: string): string =>
  join(framesFolder, `${direction === 'toWorker' ? 'to-worker' : 'from-worker'}-${type}.bin`)
