/**
 * `evidence-runner serve mcp`: the evidence tools over standard input and output, or over HTTP, until the caller
 * leaves. Then the enhancer is closed, and with it every Python process. Standard output carries the protocol only.
 */
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import type { EvidenceEnhancer } from '../runner.ts'
import { doorLimitsOf } from './door.ts'
import { evidenceServerOf } from './mcp.ts'
import { type HttpDoorOptions, serveHttp } from './mcp-http.ts'
import { type EvidenceToolsOptions, evidenceTools } from './mcp-tools.ts'

/** How the tools are served. */
export type ServeMcpOptions = EvidenceToolsOptions &
  Omit<HttpDoorOptions, 'limits' | 'onNote'> & {
    readonly transport: 'stdio' | 'http'
    /** Abort to end; calls under way over HTTP are given a few seconds. */
    readonly signal?: AbortSignal | undefined
    /** Hears what the operator should know, one line each; write it to standard error. */
    readonly onNote?: ((note: string) => void) | undefined
  }

/** Subscriptions of one connection; the tools have nothing to tell, so that few are enough. */
const mostSubscriptions = 8

/**
 * Serves until standard input ends, or the signal is aborted; then closes the enhancer and resolves.
 * @throws InputError ER_CONFIG for an address that others can reach without a token; the error of listening;
 * what warming up throws where there is nothing to answer with.
 */
export async function serveMcp(
  enhancer: Pick<EvidenceEnhancer, keyof EvidenceEnhancer>,
  options: ServeMcpOptions,
): Promise<void> {
  const { onNote = () => {}, signal, transport } = options
  try {
    await warm(enhancer, onNote, signal)
    const tools = evidenceTools(enhancer, options)
    const serverOf = () => evidenceServerOf(tools)
    if (transport === 'http') await serveHttp(serverOf, { ...options, onNote }, signal)
    else await overStdio(serverOf, doorLimitsOf(options.limits).requestBytes, onNote, signal)
  } finally {
    await enhancer.close()
  }
}

/** A request that needs each part once: what a first check loads and compiles takes a third of a second. */
const example = {
  taskId: 'warm-up',
  claim: 'The check took under 20 ms.',
  sources: [{ content: 'The check took 12 ms.' }],
}

/**
 * Whoever is let in is answered at once: the first call waits for no model and no module. Part by part, as a whole
 * request would leave a trace that nobody asked for.
 */
async function warm(
  enhancer: Pick<EvidenceEnhancer, 'embed' | 'explain' | 'health'>,
  onNote: (note: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { claim, sources } = example
  const { checkFigures } = await import('../evidence/arithmetic.ts')
  checkFigures(
    claim,
    sources.map(({ content }) => ({ id: 's1', type: 'document', title: undefined, content })),
  )
  try {
    await enhancer.embed([claim], { signal })
    await enhancer.explain(example, { signal })
  } catch (error) {
    signal?.throwIfAborted()
    if ((await enhancer.health()).status === 'unhealthy') throw error
    onNote(`No model is warm, answers go by words alone: ${(error as Error).message}`)
  }
}

async function overStdio(
  serverOf: () => ReturnType<typeof evidenceServerOf>,
  maxBufferSize: number,
  onNote: (note: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const wire = new StdioServerTransport(process.stdin, process.stdout, { maxBufferSize })
  const connection = serveStdio(serverOf, {
    transport: wire,
    maxSubscriptions: mostSubscriptions,
    onerror: error => onNote(`MCP: ${error.message}`),
  })
  const { onclose } = wire
  wire.onclose = () => {
    onclose?.()
    resolve()
  }
  const onAbort = () => void connection.close().finally(resolve)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  onNote('MCP: ready on standard input and output')
  await closed
  signal?.removeEventListener('abort', onAbort)
}
