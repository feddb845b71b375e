/**
 * Measures answers against labels: `npm run eval` the repository's own claims about operations, `npm run eval --
 * FILE…` JSON Lines of labelled claims, `npm run eval -- sts FILE…` pairs of sentences with scores, `npm run eval --
 * retrieval FILE…` searches. Prints tables, reliability diagrams and each figure beside its goal, or JSON. All files are read and checked before any worker
 * is started.
 */
import { writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { parseJson, readText } from '../src/adapters/input.ts'
import { clean } from '../src/adapters/terminal.ts'
import { errorRules, InputError, RunnerError } from '../src/core/errors.ts'
import { EvidenceEnhancer, type EvidenceEnhancerConfig } from '../src/index.ts'
import { type ClaimsReport, evaluateClaims, type FileQuality } from './eval-claims.ts'
import { claimsFigures, similarityFigures, unmeasuredText } from './eval-goals.ts'
import { evaluateRetrieval, retrievalText } from './eval-retrieval.ts'
import { evaluatePairs, type PairsReport } from './eval-sts.ts'
import { claimsText, diagramsOf, pairsText } from './eval-text.ts'
import { diagramsSvg } from './quality/diagram.ts'
import { type Figure, figuresMarkdown, figuresText } from './quality/goals.ts'
import { readLabelled } from './quality/labelled.ts'
import { readPairs } from './quality/sentence-pairs.ts'

const usage = `npm run eval                the operational claims of this repository
npm run eval -- FILE…       claims with labels, JSON Lines; - is standard input
npm run eval -- sts FILE…   sentence pairs: JSON Lines of { a, b, score }, or a, b and score with tabs
npm run eval -- retrieval FILE…   whether what bears on a claim is found among all texts of its file
  --sts FILE        sentence pairs beside claims; can be given several times
  --json            the figures as data
  --markdown        the figures and their goals alone, as a table in Markdown
  --svg FILE        draws the reliability diagrams (claims only)
  --config FILE     JSON with the configuration of EvidenceEnhancer
  --concurrency N   claims under way at most (default 8)`

const options = {
  sts: { type: 'string', multiple: true },
  json: { type: 'boolean', default: false },
  markdown: { type: 'boolean', default: false },
  svg: { type: 'string' },
  config: { type: 'string' },
  concurrency: { type: 'string', default: '8' },
} as const

/** Asked where no file is given. */
const ownClaims = relative(
  process.cwd(),
  join(import.meta.dirname, '..', 'test', 'golden', 'operational-claims.jsonl'),
)

type Given = ReturnType<typeof argumentsOf>

/** @throws InputError for an option that does not exist or can't be so. */
function argumentsOf(argv: readonly string[]) {
  try {
    const { positionals, values } = parseArgs({ args: [...argv], allowPositionals: true, options })
    const concurrency = Number(values.concurrency)
    if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 1024)
      throw new Error(`--concurrency: ${values.concurrency} is not a whole number from 1 to 1024`)
    if (values.json && values.markdown) throw new Error('--json and --markdown: only one can be printed')
    const { sts = [] } = values
    const [first, ...rest] = positionals
    const retrieval = first === 'retrieval'
    if (retrieval && (rest.length === 0 || sts.length > 0 || values.markdown || values.svg !== undefined))
      throw new Error('retrieval takes files of claims, and neither --sts nor --markdown nor --svg')
    const alone = first === 'sts'
    if (alone && rest.length + sts.length === 0) throw new Error('sts: no file given')
    const pairFiles = alone ? [...rest, ...sts] : sts
    const own = positionals.length === 0 && pairFiles.length === 0
    const claimFiles = alone ? [] : own ? [ownClaims] : retrieval ? rest : positionals
    if (claimFiles.length === 0 && values.svg !== undefined)
      throw new Error('--svg draws claims; sentence pairs have no diagram')
    return { ...values, concurrency, claimFiles, pairFiles, retrieval }
  } catch (error) {
    throw new InputError('ER_INPUT', `${(error as Error).message}\n${usage}`)
  }
}

/** What was measured; a part without files is absent. */
type Measured = { readonly claims?: ClaimsReport; readonly pairs?: PairsReport }

async function main(given: Given): Promise<number> {
  const { claimFiles, concurrency, config, pairFiles, svg } = given
  const settings = config === undefined ? {} : parseJson(await readText(config), config)
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
    throw new InputError('ER_INPUT', `${config} does not hold a configuration, which is a JSON object`)
  const claims = []
  for (const file of claimFiles) claims.push({ file, claims: await readLabelled(file) })
  const pairs = []
  for (const file of pairFiles) pairs.push({ file, pairs: await readPairs(file) })
  await using enhancer = await open(settings)
  if (given.retrieval) {
    const reports = []
    for (const each of claims)
      reports.push(await evaluateRetrieval(enhancer, each, { concurrency, onProgress: showing('texts') }))
    process.stdout.write(`${given.json ? JSON.stringify(reports, null, 2) : retrievalText(reports)}\n`)
    return 0
  }
  const measured: Measured = {
    ...(claims.length === 0
      ? {}
      : {
          claims: await evaluateClaims(enhancer, claims, {
            concurrency,
            onProgress: showing('claims'),
            ...(hasVectors(settings) ? { embedder: enhancer } : {}),
            openRaw: () => open({ ...settings, calibration: 'none' }),
          }),
        }),
    ...(pairs.length === 0
      ? {}
      : { pairs: await evaluatePairs(enhancer, pairs, { concurrency, onProgress: showing('texts') }) }),
  }
  process.stdout.write(`${textOf(measured, given)}\n`)
  for (const file of measured.claims?.files ?? []) warnOfFallbacks(file)
  if (svg !== undefined && measured.claims !== undefined) await draw(svg, measured.claims)
  const failed = measured.claims?.files.flatMap(each => each.failed) ?? []
  return failed[0] === undefined ? 0 : errorRules[failed[0].code].exit
}

/** Such answers say little of the library, and a table of figures would hide them. */
function warnOfFallbacks({ claims, fallbackReasons, fallbacks, file }: FileQuality): void {
  if (fallbacks === 0) return
  const [why = ''] = Object.keys(fallbackReasons)
  console.error(`warning: ${file}: ${fallbacks} of ${claims} answered by words alone: ${clean(why)}`)
}

const hasVectors = ({ enableEmbeddingSearch = true }: EvidenceEnhancerConfig): boolean =>
  enableEmbeddingSearch

function textOf(measured: Measured, { json, markdown }: Given): string {
  const { claims, pairs } = measured
  const figures: Figure[] = [
    ...(claims === undefined ? [] : claimsFigures(claims)),
    ...(pairs === undefined ? [] : similarityFigures(pairs)),
  ]
  if (json) {
    const both = claims === undefined || pairs === undefined ? {} : { pairs }
    return JSON.stringify({ ...(claims ?? pairs), ...both, figures }, null, 2)
  }
  if (markdown) return figuresMarkdown(figures)
  return [
    ...(claims === undefined ? [] : [claimsText(claims)]),
    ...(pairs === undefined ? [] : [pairsText(pairs)]),
    ...(figures.length === 0 ? [] : [figuresText(figures)]),
    unmeasuredText(measured),
  ].join('\n\n\n')
}

const open = (config: EvidenceEnhancerConfig) =>
  EvidenceEnhancer.open({ ready: 'all', telemetry: false, ...config })

async function draw(file: string, { all, files }: ClaimsReport): Promise<void> {
  const measured = all === undefined ? files : [...files, { file: 'all files together', ...all }]
  const picture = diagramsSvg(measured.flatMap(each => diagramsOf(each, each.file)))
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
