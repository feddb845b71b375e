/** The log is folded into the file while it is written; where that can't be done, nothing else suffers. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Checkpoints } from '../../src/store/checkpoints.ts'
import { openStore } from '../../src/store/store.ts'
import { untilSeen } from '../support/condition.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { sampleEntry, valueIn } from './samples.ts'

const folder = temporaryFolder()
const sizeOf = (path: string) => statSync(path).size

test('a store that is written a lot has its log folded in, again and again', async () => {
  const path = join(folder.path, 'store.db')
  await using store = await openStore(path, { memoBytes: 2 ** 27 })
  const vectors = new Float32Array(2 ** 17).fill(0.5)
  const before = sizeOf(path)
  for (let round = 0; round < 6; round += 1) {
    for (let entry = 0; entry < 16; entry += 1) store.memo.set(`${round}-${entry}`, sampleEntry(vectors))
    expect(await store.flush()).toBe(true)
    const least = before + round * 16 * vectors.byteLength
    await untilSeen('the file to grow', () => sizeOf(path) > least)
  }
  // Without the thread it would hold all of it, or as much as makes SQLite do it itself.
  expect(sizeOf(`${path}-wal`)).toBeLessThan(2 ** 25)
  expect(store.figures).toMatchObject({ pending: 0, written: 96, dropped: 0, faults: {} })
  await store.close()
  expect(valueIn(path, 'PRAGMA integrity_check')).toBe('ok')
})

test('Checkpoints does without its thread where that can’t open the file', async () => {
  const checkpoints = new Checkpoints(join(folder.path, 'nowhere', 'store.db'))
  for (let turn = 0; turn < 10; turn += 1) {
    checkpoints.note(2 ** 23)
    await new Promise(resolve => setImmediate(resolve))
  }
  await checkpoints.close()
  await checkpoints.close()
})
