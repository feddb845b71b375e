/**
 * Embeds the texts of pairs with the library's own pool, once each: vectors.f32 (rows of 384 little-endian float32)
 * and texts.jsonl (the text of each row) in FOLDER, which later runs add to.
 *
 *     node scripts/train-head-vectors.ts FOLDER PAIRS…
 */
import { appendFile, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { EvidenceEnhancer } from '../src/index.ts'

const dimensions = 384
const batch = 2048

const [folder, ...files] = process.argv.slice(2)
if (folder === undefined || files.length === 0) {
  console.error('usage: node scripts/train-head-vectors.ts FOLDER PAIRS…')
  process.exit(2)
}

const linesOf = async (file: string): Promise<string[]> =>
  (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean)

const known = new Set((await linesOf(join(folder, 'texts.jsonl'))).map(line => JSON.parse(line) as string))
// A run that was ended between the two files leaves rows without a text; they go.
await truncate(join(folder, 'vectors.f32'), known.size * dimensions * 4).catch(() => {})
const wanted = new Set<string>()
for (const file of files) {
  for (const line of await linesOf(file)) {
    const { claim, passage } = JSON.parse(line) as { claim: string; passage: string }
    for (const text of [claim, passage]) if (!known.has(text)) wanted.add(text)
  }
}

await using enhancer = await EvidenceEnhancer.open({ poolSize: 2, requestTimeoutMs: 600_000 })
// Texts of one length stand together, so that little is padded.
const texts = [...wanted].sort((a, b) => a.length - b.length)
for (let start = 0; start < texts.length; start += batch) {
  const part = texts.slice(start, start + batch)
  const rows = new Float32Array(part.length * dimensions)
  for (const [index, vector] of (await enhancer.embed(part)).entries()) rows.set(vector, index * dimensions)
  await appendFile(join(folder, 'vectors.f32'), new Uint8Array(rows.buffer))
  await appendFile(join(folder, 'texts.jsonl'), `${part.map(text => JSON.stringify(text)).join('\n')}\n`)
  console.error(`${Math.min(start + batch, texts.length)} of ${texts.length} texts`)
}
