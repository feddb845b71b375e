/**
 * The A2A agent as a server: official handlers on Express, behind the checks of every door. Loopback unless told
 * otherwise; off loopback it asks for a token. The card is open to whoever may send requests to the host.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { A2A_CONTENT_TYPE, AGENT_CARD_PATH } from '@a2a-js/sdk'
import { DefaultRequestHandler, UnauthenticatedUser } from '@a2a-js/sdk/server'
import { agentCardHandler, jsonRpcHandler, restHandler } from '@a2a-js/sdk/server/express'
import { a2aPaths, evidenceAgentCard } from './a2a-card.ts'
import { EvidenceAgentExecutor, type ExecutorOptions, type TaskEnhancer } from './a2a-executor.ts'
import { type App, type ErrorStep, newApp, readJson, type Step } from './a2a-express.ts'
import { TaskShelf } from './a2a-tasks.ts'
import {
  bearerOf,
  doorLimitsOf,
  hostAllowed,
  isLoopback,
  loopbackHosts,
  originAllowed,
  refuseOpenDoor,
  sameToken,
} from './door.ts'
import { DoorTelemetry } from './door-telemetry.ts'

/** Where the agent listens and what it allows. */
export type A2aOptions = ExecutorOptions & {
  /** @default '127.0.0.1' */
  readonly host?: string | undefined
  /** 0 for any free one. @default 0 */
  readonly port?: number | undefined
  /** What callers send as `Authorization: Bearer …`; needed off loopback. */
  readonly token?: string | undefined
  /** Host names that requests may be sent to. @default `host`, and on loopback its other names */
  readonly allowedHosts?: readonly string[] | undefined
  /** Origins of web pages that may call. @default those of allowedHosts */
  readonly allowedOrigins?: readonly string[] | undefined
  /** Where others reach the agent, as its card says it. @default http://host:port */
  readonly url?: string | undefined
  /** Bytes of one request at most. @default 8 Mi */
  readonly requestBytes?: number | undefined
  /** Milliseconds that tasks at work have to finish when the agent is closed. @default 5000 */
  readonly graceMs?: number | undefined
}

/** How `serveA2a` is ended and where it says what happens. */
export type ServeA2aOptions = A2aOptions & {
  /** Abort to close the agent. */
  readonly signal: AbortSignal
  /** Told where it listens, and of what goes wrong around it. */
  readonly onNote?: ((text: string) => void) | undefined
}

/** An agent that listens. */
export type A2aServer = AsyncDisposable & {
  /** http://host:port */
  readonly url: string
  readonly port: number
  readonly executor: EvidenceAgentExecutor
  /** Takes no more tasks, gives those at work their grace, and closes every connection. Idempotent. */
  close(): Promise<void>
}

/** Connections at once; each may hold a whole request in memory. */
const mostConnections = 256

/**
 * Listens until the signal is aborted, then closes.
 * @throws InputError ER_CONFIG off loopback without a token, or for an option out of range; what listening fails
 * with.
 */
export async function serveA2a(enhancer: TaskEnhancer, options: ServeA2aOptions): Promise<void> {
  const { onNote = () => {}, signal } = options
  if (signal.aborted) return
  const server = await openA2a(enhancer, options)
  onNote(`A2A agent at ${server.url}/${AGENT_CARD_PATH}`)
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  if (signal.aborted) resolve()
  await aborted
  await server.close()
}

/**
 * Listens, and leaves it to the caller when to close.
 * @throws as `serveA2a`.
 */
export async function openA2a(enhancer: TaskEnhancer, options: A2aOptions = {}): Promise<A2aServer> {
  const { graceMs = 5000, host = '127.0.0.1', port = 0, token } = options
  refuseOpenDoor(host, token)
  const { claims, concurrency = 8, waiting } = options
  const limits = doorLimitsOf({ claims, concurrency, waiting, requestBytes: options.requestBytes })
  const executor = new EvidenceAgentExecutor(enhancer, {
    claims: limits.claims,
    concurrency: limits.concurrency,
    waiting: limits.waiting,
    shortCharacters: options.shortCharacters,
    telemetry: options.telemetry,
  })
  // The card needs the port, which is only known when the server listens.
  let app: App | undefined
  const server = createServer((request, response) => app?.(request, response))
  server.maxConnections = mostConnections
  await listening(server, port, host)
  const bound = (server.address() as AddressInfo).port
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${bound}`
  app = appOf(executor, { ...options, host, url: options.url ?? url, requestBytes: limits.requestBytes })
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= closing(server, executor, graceMs)
    return closed
  }
  return { url, port: bound, executor, close, [Symbol.asyncDispose]: close }
}

/** Every name that reaches a host; the machine's own names where it listens on all of its addresses. */
function namesOf(host: string, url: string): string[] {
  const given = [host, new URL(url).host]
  if (isLoopback(host)) return [...given, ...loopbackHosts]
  if (host !== '0.0.0.0' && host !== '::') return given
  const addresses = Object.values(networkInterfaces()).flatMap(
    each => each?.map(({ address }) => address) ?? [],
  )
  return [...given, hostname(), ...loopbackHosts, ...addresses]
}

type AppOptions = Pick<A2aOptions, 'allowedHosts' | 'allowedOrigins' | 'telemetry' | 'token'> & {
  readonly host: string
  readonly url: string
  readonly requestBytes: number
}

function appOf(executor: EvidenceAgentExecutor, options: AppOptions): App {
  const { host, requestBytes, token, url } = options
  const allowedHosts = options.allowedHosts ?? namesOf(host, url)
  const allowedOrigins = options.allowedOrigins ?? allowedHosts
  const card = evidenceAgentCard(url, { token: token !== undefined })
  const requestHandler = new DefaultRequestHandler(card, new TaskShelf(), executor)
  const door = new DoorTelemetry('a2a', options.telemetry)
  const refuse: Refuse = (response, status, message) => {
    door.refused(String(status))
    answerNo(response, status, message)
  }
  const known: Step = ({ headers }, response, next) => {
    if (!hostAllowed(headers.host, allowedHosts)) refuse(response, 403, 'This Host is not allowed here')
    else if (!originAllowed(headers.origin, allowedOrigins))
      refuse(response, 403, 'This Origin is not allowed here')
    else next()
  }
  const trusted: Step = ({ headers }, response, next) => {
    if (token === undefined || sameToken(bearerOf(headers.authorization), token)) return next()
    response.setHeader('WWW-Authenticate', 'Bearer')
    refuse(response, 401, 'A token is needed: Authorization: Bearer …')
  }
  const user = token === undefined ? new UnauthenticatedUser() : { isAuthenticated: true, userName: 'token' }
  const handlers = { requestHandler, userBuilder: async () => user }
  const app = newApp().disable('x-powered-by').use(known)
  app.use(`/${AGENT_CARD_PATH}`, agentCardHandler({ agentCardProvider: requestHandler }))
  // Read here with our limit; the SDK's own reader, which allows 100 KB, finds nothing left to read.
  app.use(trusted, readJson(requestBytes, ['application/json', A2A_CONTENT_TYPE]))
  app.use(a2aPaths.jsonRpc, jsonRpcHandler(handlers))
  app.use(a2aPaths.rest, restHandler(handlers))
  app.use((_request: IncomingMessage, response: ServerResponse) =>
    refuse(response, 404, 'There is nothing here'),
  )
  return app.use(brokenOf(refuse))
}

type Refuse = (response: ServerResponse, status: number, message: string) => void

/** What Express would tell as a page with a stack trace. Its four parameters make it the step for errors. */
const brokenOf =
  (refuse: Refuse): ErrorStep =>
  (error, _request, response, _next) => {
    const status = (error as { status?: unknown } | null)?.status
    if (status === 413) refuse(response, 413, 'The request is larger than this agent takes')
    else if (typeof status === 'number' && status < 500)
      refuse(response, status, 'The request could not be read')
    else refuse(response, 500, 'It failed inside this agent')
  }

const answerNo: Refuse = (response, status, message) => {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(status, { 'Content-Type': 'application/json', Connection: 'close' })
  response.end(JSON.stringify({ error: { message } }))
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Requests that are answered leave by themselves; streams get their task's last event before they are cut. */
async function closing(server: Server, executor: EvidenceAgentExecutor, graceMs: number): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  await executor.close(graceMs)
  server.closeIdleConnections()
  const cut = setTimeout(() => server.closeAllConnections(), lastWordsMs)
  await closed
  clearTimeout(cut)
}

/** Milliseconds that answers have to leave once their tasks have ended. */
const lastWordsMs = 1000
