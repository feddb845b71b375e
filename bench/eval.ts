/**
 * Measures answers against labels: `npm run eval -- FILE…` takes JSON Lines of labelled claims,
 * `npm run eval -- sts FILE…` pairs of sentences with scores. Prints tables and reliability diagrams, or JSON.
 * All files are read and checked before any worker is started.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { parseJson, readText } from '../src/adapters/input.ts'
import { clean } from '../src/adapters/terminal.ts'
import { errorRules, InputError, RunnerError } from '../src/core/errors.ts'
import { EvidenceEnhancer, type EvidenceEnhancerConfig } from '../src/index.ts'
import { evaluateClaims } from './eval-claims.ts'
import { evaluatePairs } from './eval-sts.ts'
import { claimsText, diagramsOf, pairsText } from './eval-text.ts'
import { diagramsSvg } from './quality/diagram.ts'
import { readLabelled } from './quality/labelled.ts'
import { readPairs } from './quality/sentence-pairs.ts'

const usage = `npm run eval -- FILE…       claims with labels, JSON Lines; - is standard input
npm run eval -- sts FILE…   sentence pairs: JSON Lines of { a, b, score }, or a, b and score with tabs
  --json            the figures as data
  --svg FILE        draws the reliability diagrams (claims only)
  --config FILE     JSON with the configuration of EvidenceEnhancer
  --concurrency N   claims under way at most (default 8)`

const options = {
  json: { type: 'boolean', default: false },
  svg: { type: 'string' },
  config: { type: 'string' },
  concurrency: { type: 'string', default: '8' },
} as const

type Given = ReturnType<typeof argumentsOf>

/** @throws InputError for an option that does not exist or can't be so. */
function argumentsOf(argv: readonly string[]) {
  try {
    const { positionals, values } = parseArgs({ args: [...argv], allowPositionals: true, options })
    const concurrency = Number(values.concurrency)
    if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 1024)
      throw new Error(`--concurrency: ${values.concurrency} is not a whole number from 1 to 1024`)
    const sts = positionals[0] === 'sts'
    if (sts && values.svg !== undefined) throw new Error('--svg draws claims; sentence pairs have no diagram')
    return { ...values, concurrency, sts, files: sts ? positionals.slice(1) : positionals }
  } catch (error) {
    throw new InputError('ER_INPUT', `${(error as Error).message}\n${usage}`)
  }
}

async function main(given: Given): Promise<number> {
  const { config, files } = given
  if (files.length === 0) throw new InputError('ER_INPUT', `No file given\n${usage}`)
  const settings = config === undefined ? {} : parseJson(await readText(config), config)
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
    throw new InputError('ER_INPUT', `${config} does not hold a configuration, which is a JSON object`)
  return given.sts ? pairs(given, settings) : claims(given, settings)
}

async function claims({ files, json, svg, ...rest }: Given, config: EvidenceEnhancerConfig): Promise<number> {
  const read = []
  for (const file of files) read.push({ file, claims: await readLabelled(file) })
  await using enhancer = await open(config)
  const report = await evaluateClaims(enhancer, read, { ...rest, onProgress: showing('claims') })
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `${claimsText(report)}\n`)
  if (svg !== undefined) {
    const measured =
      report.all === undefined
        ? report.files
        : [...report.files, { file: 'all files together', ...report.all }]
    await draw(svg, diagramsSvg(measured.flatMap(each => diagramsOf(each, each.file))))
  }
  const failed = report.files.flatMap(each => each.failed)
  return failed[0] === undefined ? 0 : errorRules[failed[0].code].exit
}

async function pairs({ files, json, ...rest }: Given, config: EvidenceEnhancerConfig): Promise<number> {
  const read = []
  for (const file of files) read.push({ file, pairs: await readPairs(file) })
  await using enhancer = await open(config)
  const report = await evaluatePairs(enhancer, read, { ...rest, onProgress: showing('texts') })
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `${pairsText(report)}\n`)
  return 0
}

const open = (config: EvidenceEnhancerConfig) =>
  EvidenceEnhancer.open({ ready: 'all', telemetry: false, ...config })

async function draw(file: string, picture: string): Promise<void> {
  try {
    await writeFile(file, picture)
  } catch (cause) {
    throw new InputError('ER_INPUT', `Can't write ${file}: ${(cause as Error).message}`, { cause })
  }
}

/** How far it has come, on a terminal only. */
function showing(what: string): (done: number, total: number) => void {
  if (!process.stderr.isTTY) return () => {}
  return (done, total) =>
    process.stderr.write(done === total ? '\r\u001b[K' : `\r${done}/${total} ${what}\u001b[K`)
}

try {
  process.exitCode = await main(argumentsOf(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof RunnerError)) throw error
  const [first = '', ...more] = error.message.split('\n')
  console.error([`error ${error.code}: ${clean(first)}`, ...more].join('\n'))
  process.exitCode = errorRules[error.code].exit
}
