/** Starts `queue-consumer.ts` as a process of its own and hears when it is ready and what it did. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ConsumeOptions, ConsumerFigures } from '../../src/adapters/bullmq.ts'

/** A consumer in a process of its own. */
export type ConsumerProcess = {
  readonly pid: number
  /** Ends it as a crash of its machine would: nothing is said to anybody. */
  kill(): Promise<void>
  /** Ends it in good order; what it did. */
  end(): Promise<ConsumerFigures>
}

/** Resolves when it takes jobs. */
export async function startConsumer(options: ConsumeOptions): Promise<ConsumerProcess> {
  const program = join(import.meta.dirname, 'queue-consumer.ts')
  const child = spawn(process.execPath, [program, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const gone = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const first = await lines.next()
  if (first.value !== 'ready') throw new Error(`The consumer said ${first.value ?? 'nothing'}`)
  return {
    pid: child.pid ?? 0,
    kill: async () => {
      child.kill('SIGKILL')
      await gone
    },
    end: async () => {
      child.kill('SIGTERM')
      const { value } = await lines.next()
      await gone
      return JSON.parse(value ?? 'null')
    },
  }
}
