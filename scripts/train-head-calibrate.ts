/**
 * Fits the calibration that a verification head comes with, on the groups that train-head-fit.py left out, and
 * writes it into the head's file.
 *
 *     node scripts/train-head-calibrate.ts FOLDER TRAIN.safetensors HEAD.safetensors
 *
 * FOLDER is that of train-head-vectors.ts, TRAIN what train-head-features.ts made. A claim's passages are its
 * sources; of every set 400 claims at most, drawn evenly.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Head, readHead } from '../src/evidence/head/head.ts'
import { readTensors, tensorFile } from '../src/evidence/head/safetensors.ts'
import { neutral } from '../src/evidence/verdict/calibration.ts'
import { chancesOfOdds, oddsOfChances, oddsOfLogits, scaledOdds } from '../src/evidence/verdict/chances.ts'
import {
  type ClaimLabel,
  fitAnswers,
  type LabelledAnswer,
  type SourceLabel,
} from '../src/evidence/verdict/fit.ts'

const dimensions = 384
/** As in train-head-fit.py. */
const heldOut = { of: 10, rest: 7 }
const mostClaims = 400
/** Sets whose claims and passages are like what people ask; captions are not. */
const sets = ['mnli', 'creak', 'fm2', 'tabfact', 'operations']
const labels: readonly SourceLabel[] = ['SUPPORTS', 'REFUTES', 'NOT_ENOUGH_INFO']

const [folder, trainFile, headFile] = process.argv.slice(2)
if (folder === undefined || trainFile === undefined || headFile === undefined) {
  console.error('usage: node scripts/train-head-calibrate.ts FOLDER TRAIN.safetensors HEAD.safetensors')
  process.exit(2)
}

const texts = (await readFile(join(folder, 'texts.jsonl'), 'utf8'))
  .split('\n')
  .filter(Boolean)
  .map(line => JSON.parse(line) as string)
const bytes = await readFile(join(folder, 'vectors.f32'))
const vectors = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
const train = readTensors(await readFile(trainFile))
const setNames = (train.metadata['sets'] as string).split(',')
const head = readHead(await readFile(headFile))

const column = (name: string): Int32Array => train.tensors.get(name)?.data as Int32Array
const [label, set, group, places] = [column('label'), column('set'), column('group'), column('places')]

const answers: LabelledAnswer[] = []
for (const name of sets) {
  const claims = claimsOf(setNames.indexOf(name))
  const step = Math.max(1, claims.length / mostClaims)
  for (let place = 0; place < claims.length; place += step)
    answers.push(answerOf(claims[Math.floor(place)] as readonly number[], head))
}
const about = {
  set: `held-out groups of ${sets.filter(name => setNames.includes(name)).join(', ')}`,
  model: { encoder: head.encoder, judge: head.name },
}
const { after, before, calibration: fitted, warnings } = fitAnswers(answers, about)
// How many of a user's claims are supported, and how many sources each has, these sets don't know: a claim's
// biases learnt here made claims of other domains worse. So only the pairs are fitted, and the claim's error is
// measured as it is without.
const scaled = answers.map(answer => ({
  ...answer,
  sources: answer.sources.map(source => ({
    ...source,
    chances: chancesOfOdds(scaledOdds(oddsOfChances(source.chances), fitted.pair)),
  })),
}))
const { n, ece, nll, baseNll } = fitAnswers(scaled, about).before.claim
const calibration = { ...fitted, n, ece, claim: { ...neutral.claim, n, ece, nll, baseNll } }
console.error(JSON.stringify({ before, after, shipped: calibration, warnings }, null, 1))
const { metadata, tensors } = readTensors(await readFile(headFile))
const file = tensorFile(Object.fromEntries(tensors), {
  ...metadata,
  calibration: JSON.stringify(calibration),
})
await writeFile(headFile, file)
console.error(`${file.length} bytes, sha256 ${readHead(file).revision}`)

/** Pairs of each claim that was left out. */
function claimsOf(wanted: number): readonly number[][] {
  const claims = new Map<number, number[]>()
  for (const [index, own] of set.entries()) {
    if (own !== wanted || (group[index] as number) % heldOut.of !== heldOut.rest) continue
    const claim = places[index * 2] as number
    const pairs = claims.get(claim)
    if (pairs === undefined) claims.set(claim, [index])
    else pairs.push(index)
  }
  return [...claims.values()]
}

function answerOf(pairs: readonly number[], { logits }: Head): LabelledAnswer {
  const input = (row: number) => ({
    text: texts[row] as string,
    vector: vectors.subarray(row * dimensions, (row + 1) * dimensions),
  })
  const claim = input(places[(pairs[0] as number) * 2] as number)
  const sources = pairs.map(index => ({
    chances: chancesOfOdds(oddsOfLogits(logits(claim, input(places[index * 2 + 1] as number)))),
    label: labels[label[index] as number] as SourceLabel,
  }))
  const has = (side: SourceLabel) => sources.some(source => source.label === side)
  const [supports, refutes] = [has('SUPPORTS'), has('REFUTES')]
  let claimLabel: ClaimLabel = 'NOT_ENOUGH_INFO'
  if (supports && refutes) claimLabel = 'DISPUTED'
  else if (supports || refutes) claimLabel = supports ? 'SUPPORTS' : 'REFUTES'
  return { sources, claimLabel }
}
