/**
 * Makes what the verification head is fitted on: pairs, their features by the code that inference uses, and more
 * pairs that say nothing of each other (a claim beside a random and beside a close passage of another group).
 *
 *     node scripts/train-head-features.ts FOLDER OUT.safetensors PAIRS…
 *
 * FOLDER is that of train-head-vectors.ts. `--as-given` adds no pairs and takes the rarities from a file made before
 * (`--rarity FILE`): for pairs that are only measured.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dot, featureNames, featuresOf } from '../src/evidence/head/features.ts'
import { rarityIn, rarityTable } from '../src/evidence/head/rarity.ts'
import { readTensors, type Tensor, tensorFile } from '../src/evidence/head/safetensors.ts'
import { type Signs, signsOf } from '../src/evidence/head/signs.ts'

const dimensions = 384
const buckets = 16_384
const seed = 20261121
/** Passages that the closest is looked for among. */
const candidates = 1500
/** Sets whose claims are about something that another passage does not speak of; for captions that is not sure. */
const closePassages = ['creak', 'fm2', 'tabfact', 'operations', 'findings']

type Pair = {
  readonly set: string
  readonly group: string
  readonly claim: string
  readonly passage: string
  readonly label: number
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { 'as-given': { type: 'boolean', default: false }, rarity: { type: 'string' } },
})
const [folder, out, ...files] = positionals
if (folder === undefined || out === undefined || files.length === 0) {
  console.error('usage: node scripts/train-head-features.ts FOLDER OUT.safetensors PAIRS…')
  process.exit(2)
}

const linesOf = async (file: string): Promise<string[]> =>
  (await readFile(file, 'utf8')).split('\n').filter(Boolean)

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function* randomNumbers(start: number): Generator<number, never> {
  for (let state = start; ; ) {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    yield ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const texts = (await linesOf(join(folder, 'texts.jsonl'))).map(line => JSON.parse(line) as string)
const rows = new Map(texts.map((text, row) => [text, row]))
const bytes = await readFile(join(folder, 'vectors.f32'))
const vectors = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
const rowOf = (text: string): number => {
  const row = rows.get(text)
  if (row === undefined) throw new Error(`No vector of ${JSON.stringify(text)}; run train-head-vectors.ts`)
  return row
}
const vectorOf = (text: string): Float32Array =>
  vectors.subarray(rowOf(text) * dimensions, (rowOf(text) + 1) * dimensions)

const given: Pair[] = []
for (const file of files) for (const line of await linesOf(file)) given.push(JSON.parse(line) as Pair)
const pairs = values['as-given'] ? given : [...given, ...unrelated(given)]

const table = await rarities()
const rarity = rarityIn(table)
const read = new Map<string, Signs>()
function signs(text: string): Signs {
  const known = read.get(text)
  if (known !== undefined) return known
  const made = signsOf(text, rarity)
  read.set(text, made)
  return made
}

const features = new Float32Array(pairs.length * featureNames.length)
const places = new Int32Array(pairs.length * 2)
for (const [index, { claim, passage }] of pairs.entries()) {
  const cosine = dot(vectorOf(claim), vectorOf(passage))
  features.set(featuresOf(signs(claim), signs(passage), cosine), index * featureNames.length)
  places[index * 2] = rowOf(claim)
  places[index * 2 + 1] = rowOf(passage)
}
const sets = [...new Set(pairs.map(({ set }) => set))]
const groups = new Map<string, number>()
for (const { set, group } of pairs) {
  const name = `${set}\0${group}`
  if (!groups.has(name)) groups.set(name, groups.size)
}
const numbers = (read: (pair: Pair) => number): Tensor => ({
  dtype: 'I32',
  shape: [pairs.length],
  data: Int32Array.from(pairs, read),
})
const tensors: Readonly<Record<string, Tensor>> = {
  features: { dtype: 'F32', shape: [pairs.length, featureNames.length], data: features },
  places: { dtype: 'I32', shape: [pairs.length, 2], data: places },
  label: numbers(({ label }) => label),
  set: numbers(({ set }) => sets.indexOf(set)),
  group: numbers(({ group, set }) => groups.get(`${set}\0${group}`) as number),
  rarity: { dtype: 'U8', shape: [table.length], data: table },
}
await writeFile(out, tensorFile(tensors, { sets: sets.join(), features: featureNames.join() }))
console.error(`${pairs.length} pairs of ${sets.join()}, ${featureNames.length} features`)

async function rarities(): Promise<Uint8Array> {
  if (values.rarity !== undefined) {
    const found = readTensors(await readFile(values.rarity)).tensors.get('rarity')
    if (!(found?.data instanceof Uint8Array)) throw new Error(`${values.rarity} has no rarities`)
    return found.data
  }
  const distinct = new Set(pairs.flatMap(({ claim, passage }) => [claim, passage]))
  const stems = [...distinct].map(text => new Set(signsOf(text, () => 0).words.keys()))
  return rarityTable(stems, buckets)
}

/**
 * For every third claim a random passage; for every second of some sets the closest of `candidates` passages, too.
 * Always of another group.
 */
function unrelated(from: readonly Pair[]): Pair[] {
  const random = randomNumbers(seed)
  const chosen = <T>(list: readonly T[]): T => list[Math.floor(random.next().value * list.length)] as T
  const made: Pair[] = []
  for (const set of new Set(from.map(pair => pair.set))) {
    const own = from.filter(pair => pair.set === set)
    const claims = [...new Map(own.map(pair => [pair.claim, pair])).values()]
    const passages = [...new Map(own.map(pair => [pair.passage, pair])).values()]
    const near = Array.from({ length: candidates }, () => chosen(passages))
    const nearVectors = near.map(({ passage }) => vectorOf(passage))
    for (const { claim, group } of claims) {
      const other = chosen(passages)
      const [random1, random2] = [random.next().value, random.next().value]
      if (random1 < 0.33 && other.group !== group)
        made.push({ set, group, claim, passage: other.passage, label: 2 })
      if (random2 >= 0.5 || !closePassages.includes(set)) continue
      const close = closest(vectorOf(claim), group, near, nearVectors)
      if (close !== undefined) made.push({ set, group, claim, passage: close.passage, label: 2 })
    }
  }
  return made
}

/** The passage of another group with the highest cosine. */
function closest(
  vector: Float32Array,
  group: string,
  passages: readonly Pair[],
  vectors: readonly Float32Array[],
): Pair | undefined {
  let [best, found]: [number, Pair | undefined] = [-1, undefined]
  for (const [index, pair] of passages.entries()) {
    if (pair.group === group) continue
    const cosine = dot(vector, vectors[index] as Float32Array)
    if (cosine > best) [best, found] = [cosine, pair]
  }
  return found
}
