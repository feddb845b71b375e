/**
 * A program of its own that does jobs with an enhancer of its own, for tests and benchmarks of several machines.
 * Its argument is JSON: the options of `consume`. Says `ready` when it takes jobs, ends at SIGTERM or when its
 * stdin does, and prints its figures as JSON.
 */
import { consume } from '../../src/adapters/bullmq.ts'
import { EvidenceEnhancer } from '../../src/index.ts'

const options = JSON.parse(process.argv[2] ?? '{}')
const ending = new AbortController()
process.on('SIGTERM', () => ending.abort())
// Whoever started it may die without a word.
process.stdin.on('end', () => ending.abort()).resume()

await using enhancer = await EvidenceEnhancer.open({ poolSize: 1, ready: 'all', telemetry: false })
const figures = await consume(enhancer, {
  ...options,
  telemetry: false,
  signal: ending.signal,
  onNote: note => {
    if (note.startsWith('Takes jobs')) console.log('ready')
  },
})
console.log(JSON.stringify(figures))
process.stdin.destroy()
