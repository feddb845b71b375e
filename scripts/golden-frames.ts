/**
 * Writes the golden frames under test/golden/frames anew, from messages.json there: TypeScript the ones from
 * Node to Python, Python the others, each with the code that the product uses. To be run, and its changes
 * looked at, when the protocol changes: `sh scripts/node scripts/golden-frames.ts`.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeMessage, encodeMessage } from '../src/wire/codec.ts'
import { FrameReader } from '../src/wire/frame.ts'
import { framePath, goldenMessages } from '../test/support/golden-frames.ts'

const root = join(import.meta.dirname, '..')
const messages = goldenMessages()

for (const message of Object.values(messages.toWorker))
  writeFileSync(framePath('toWorker', message.type), encodeMessage(message))

const python = join(root, 'python', '.venv', 'bin', 'python')
const environment = { ...process.env, PYTHONPATH: join(root, 'python') }
const writer = join(root, 'test', 'python', 'golden_frames.py')
const { status } = spawnSync(python, [writer], { stdio: 'inherit', env: environment })
if (status !== 0) throw new Error(`${writer} failed`)

for (const { type } of Object.values(messages.fromWorker)) {
  const bodies = new FrameReader().push(readFileSync(framePath('fromWorker', type)))
  for (const body of bodies) console.log(`${type}: ${decodeMessage(body).type}, ${body.byteLength} bytes`)
}
