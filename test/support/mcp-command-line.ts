/**
 * The official MCP client over standard input and output to `evidence-runner serve mcp`, the real command line, as
 * a desktop host starts it.
 */
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { cliCommand } from './command-line.ts'

/** A server with a client at it. */
export type ServedByCommandLine = AsyncDisposable & {
  /** What a tool answers, as data; of a failed call `{ error }`. */
  call(name: string, given: object): Promise<Record<string, unknown>>
  /** Ends the server, and gives what it said on standard error. */
  end(): Promise<string>
}

/** Starts `serve mcp` with `words` over `home`; `shell` comes before the command in a shell of its own. */
export async function serveMcpBy(
  home: string,
  words: readonly string[] = [],
  shell?: string,
): Promise<ServedByCommandLine> {
  const { args, command, environment } = cliCommand(['serve', 'mcp', '--pool-size', '1', ...words])
  const transport = new StdioClientTransport({
    ...(shell === undefined
      ? { command, args }
      : { command: 'bash', args: ['-c', `${shell} && exec "$@"`, 'bash', command, ...args] }),
    env: { ...environment, EVIDENCE_RUNNER_HOME: home },
    stderr: 'pipe',
  })
  const client = new Client({ name: 'test', version: '1' })
  const said = text(transport.stderr as Readable)
  await client.connect(transport)
  // Answers are held to the schemas that are listed.
  await client.listTools()
  const end = async () => {
    await client.close()
    return said
  }
  return {
    end,
    [Symbol.asyncDispose]: async () => void (await end()),
    call: async (name, given) => {
      const { structuredContent } = await client.callTool({ name, arguments: { ...given } })
      return structuredContent as Record<string, unknown>
    },
  }
}
