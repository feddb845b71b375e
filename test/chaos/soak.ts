/**
 * `npm run soak`: 16 callers while a worker is killed every second, first with echo, then with real embeddings,
 * then hosts that are themselves killed. Nothing may be lost, wrong or hung, and nothing may survive.
 *
 *   --minutes N   in all (default 1): 45 % echo, 45 % embeddings, 10 % killed hosts
 *   --size N      workers (default 2)      --spares N   warm ones beside them (default 0)
 *   --json        for programs
 *
 * The exit code is 1 when something was lost, wrong or hung, or survived.
 */
import { parseArgs } from 'node:util'
import { embedCall, embedLaunch } from '../../bench/launch.ts'
import { mixedTexts } from '../../bench/texts.ts'
import { isVectors, type Reply, row } from '../../src/core/call.ts'
import { Pool } from '../../src/pool/pool.ts'
import { echoCall, echoes, echoLaunch, echoOf } from '../support/echo-pool.ts'
import { runContext } from '../support/run-context.ts'
import { disturb, type Load, type Report } from './disturbance.ts'
import { killHosts } from './killed-hosts.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    size: { type: 'string', default: '2' },
    spares: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
})

const minuteMs = 60_000
const totalMs = Number(values.minutes) * minuteMs
const workers = { size: Number(values.size), spares: Number(values.spares) }
/** What a vector's numbers may differ by from those computed undisturbed. */
const tolerance = 1e-5

/** Echo with the time that a small model takes; every text is new. */
function echoLoad(): Load {
  let number = 0
  return {
    name: 'echo',
    launch: async () => echoLaunch,
    next: () => {
      number += 1
      const texts = Array.from({ length: 1 + (number % 4) }, (_, index) => `text ${number}.${index}`)
      return {
        call: echoCall(texts, { delayMs: 4, perItemMs: 1 }),
        right: reply =>
          echoes(reply).every(
            ({ crc, bytes }, index) =>
              crc === echoOf(texts[index] as string).crc && bytes === echoOf(texts[index] as string).bytes,
          ),
      }
    },
  }
}

/** The built-in encoder, on texts whose vectors are known from a pool that nobody disturbed. */
async function embedLoad(): Promise<Load> {
  const launch = await embedLaunch()
  const texts = mixedTexts(200)
  const vectors = await computed(texts, async () => launch)
  let number = 0
  return {
    name: 'embeddings',
    launch: async () => launch,
    next: () => {
      number += 1
      const places = Array.from(
        { length: 1 + (number % 4) },
        (_, index) => (number * 5 + index) % texts.length,
      )
      return {
        call: embedCall(places.map(place => texts[place] as string)),
        right: reply => places.every((place, index) => close(rowOf(reply, index), vectors[place])),
      }
    },
  }
}

async function computed(texts: readonly string[], launch: Load['launch']): Promise<Float32Array[]> {
  await using pool = new Pool({ size: 1, launch })
  const reply = await pool.dispatch(embedCall(texts), runContext())
  return texts.map((_, index) => rowOf(reply, index).slice())
}

function rowOf({ results }: Reply, index: number): Float32Array {
  if (!isVectors(results)) throw new Error('These results are no vectors')
  return row(results, index)
}

const close = (got: Float32Array, wanted: Float32Array | undefined): boolean =>
  wanted !== undefined &&
  got.length === wanted.length &&
  got.every((x, i) => Math.abs(x - (wanted[i] ?? 0)) <= tolerance)

function print({ name, ...report }: Report): void {
  console.log(`\n${name}`)
  for (const [key, value] of Object.entries(report)) console.log(`  ${key.padEnd(34)}${value}`)
}

const reports: Report[] = []
for (const load of [async () => echoLoad(), embedLoad]) {
  const report = await disturb(await load(), totalMs * 0.45, workers)
  if (!values.json) print(report)
  reports.push(report)
}
const hosts = await killHosts(totalMs * 0.1)
if (!values.json) print(hosts)
reports.push(hosts)
const bad = reports.some(({ ok }) => !ok)
if (values.json) console.log(JSON.stringify(reports))
else console.log(bad ? '\nNOT well' : '\nAll is well')
process.exitCode = bad ? 1 : 0
