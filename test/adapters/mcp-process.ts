/**
 * An MCP server on standard input and output as a process of its own, as the command line starts one: opens an
 * enhancer, serves, and ends with its input. The configuration and options come as JSON in the first argument.
 */
import { serveMcp } from '../../src/adapters/mcp-serve.ts'
import { EvidenceEnhancer } from '../../src/runner.ts'

const { config = {}, serve = {} } = JSON.parse(process.argv[2] ?? '{}')
const ending = new AbortController()
process.once('SIGTERM', () => ending.abort(new Error('Ended by SIGTERM')))
const enhancer = await EvidenceEnhancer.open({ poolSize: 1, telemetry: false, ...config })
await serveMcp(enhancer, {
  transport: 'stdio',
  ...serve,
  signal: ending.signal,
  onNote: note => console.error(note),
})
process.stdin.destroy()
