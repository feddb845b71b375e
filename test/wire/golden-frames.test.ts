/** Golden frames: what TypeScript writes is byte for byte what it wrote before, and what Python writes it reads. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeMessage, encodeMessage } from '../../src/wire/codec.ts'
import { FrameReader } from '../../src/wire/frame.ts'
import { fromWorker } from '../../src/wire/message.ts'
import { framePath, framesFolder, goldenMessages } from '../support/golden-frames.ts'

const messages = goldenMessages()

test.each(Object.values(messages.toWorker))('encodeMessage() writes the golden frame of $type', message => {
  expect(Buffer.from(encodeMessage(message))).toEqual(readFileSync(framePath('toWorker', message.type)))
})

test.each(Object.values(messages.fromWorker))('decodeMessage() reads the golden frame of $type', message => {
  const reader = new FrameReader()
  const bodies = reader.push(readFileSync(framePath('fromWorker', message.type)))
  expect(bodies).toHaveLength(1)
  expect(reader.pendingBytes).toBe(0)
  expect(plain(decodeMessage(bodies[0] as Uint8Array))).toEqual(plain(message))
})

test('every kind of message has its frame', () => {
  const kinds = fromWorker.options.map(({ shape }) => shape.type.value)
  expect(Object.keys(messages.fromWorker).toSorted()).toEqual(kinds.toSorted())
  const files = [
    ...Object.keys(messages.toWorker).map(type => framePath('toWorker', type)),
    ...Object.keys(messages.fromWorker).map(type => framePath('fromWorker', type)),
  ]
  const found = readdirSync(framesFolder).filter(name => name.endsWith('.bin'))
  expect(files.map(path => path.slice(framesFolder.length + 1)).toSorted()).toEqual(found.toSorted())
})

/** The same with Buffers and Uint8Arrays as one kind of thing. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') }
  if (Array.isArray(value)) return value.map(plain)
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
  return value
}
