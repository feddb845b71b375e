/** The head that is shipped: it answers as its trainer computed, and knows what encoder it belongs to. */
import { readFile, stat } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { readHead } from '../../../src/evidence/head/head.ts'
import { parseCalibration } from '../../../src/evidence/verdict/calibration.ts'
import { builtInEncoder } from '../../../src/models/encoder.ts'
import golden from './golden.json' with { type: 'json' }

const file = new URL('../../../weights/claim-head.safetensors', import.meta.url)
const folder = new URL('../../golden/', import.meta.url)
const dimensions = 384

const head = readHead(await readFile(file))
const texts = (await readFile(new URL('embeddings.jsonl', folder), 'utf8'))
  .split('\n')
  .filter(Boolean)
  .map(line => (JSON.parse(line) as { text: string }).text)
const rows = await readFile(new URL('embeddings.f32', folder))

/** A text of the golden embeddings with its vector. */
function input(id: number) {
  const start = rows.byteOffset + id * dimensions * 4
  const vector = new Float32Array(rows.buffer.slice(start, start + dimensions * 4))
  return { text: texts[id] as string, vector }
}

describe('weights/claim-head.safetensors', () => {
  test('is the file that the golden logits were computed from', () => {
    expect(head.revision).toBe(golden.revision)
  })

  test('gives the logits that were computed apart from this code', () => {
    expect(golden.pairs.length).toBeGreaterThan(8)
    for (const { claim, logits, passage } of golden.pairs) {
      for (const [index, logit] of head.logits(input(claim), input(passage)).entries())
        expect(Math.abs(logit - (logits[index] as number))).toBeLessThan(1e-4)
    }
  })

  test('belongs to the built-in encoder', () => {
    expect(head.encoder).toBe(builtInEncoder.weightsHash)
  })

  test('comes with a calibration that the verdicts can read', () => {
    expect(parseCalibration(head.calibration).n).toBeGreaterThan(60)
  })

  test('has at most 2 MB, and a card that names it', async () => {
    expect((await stat(file)).size).toBeLessThanOrEqual(2_000_000)
    const card = await readFile(new URL('claim-head.md', new URL('.', file)), 'utf8')
    expect(card).toContain(head.revision)
  })

  test('a passage nearer to the claim is never less relevant', () => {
    // Relevance is a matter of the cosine alone.
    const claim = input(42)
    const others = [30, 36, 40, 44, 46, 48].map(input)
    const cosine = ({ vector }: { vector: Float32Array }) =>
      vector.reduce((sum, value, index) => sum + value * (claim.vector[index] as number), 0)
    const ranked = others.toSorted((a, b) => cosine(a) - cosine(b))
    const neither = ranked.map(passage => head.logits(claim, passage)[2])
    expect(neither).toEqual(neither.toSorted((a, b) => b - a))
  })
})
