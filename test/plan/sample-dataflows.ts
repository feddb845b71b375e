/** A dataflow for tests: a claim is scored again and again until it is sure or three rounds are over. */
import * as z from 'zod'
import { action, defineDataflow } from '../../src/plan/dataflow.ts'
import type { ActionInput, Dataflow } from '../../src/plan/dataflow-node.ts'

export const reviewInput = z.object({ claim: z.string(), enough: z.number() })
export const reviewState = z.object({
  claim: z.string(),
  rounds: z.int().default(0),
  score: z.number().optional(),
  notes: z.array(z.string()).default([]),
})
export type ReviewState = z.infer<typeof reviewState>

/** What the scoring action is given. */
export type Scored = ActionInput<{ readonly claim: string; readonly round: number; readonly note: string }>

/** The dataflow, whose action does what the test wants. */
export function reviewFlow(
  score: (input: Scored) => number | Promise<number>,
  version = '1',
): Dataflow<{ claim: string; score: number; rounds: number }> {
  return defineDataflow({
    name: 'review',
    input: reviewInput,
    output: z.object({ claim: z.string(), score: z.number(), rounds: z.int() }),
    state: reviewState,
    nodes: [
      { kind: 'start', id: 'start', state: { claim: '{{input.claim}}' } },
      {
        kind: 'action',
        id: 'score',
        action: action({
          name: 'score',
          version,
          template: {
            claim: '{{state.claim}}',
            round: '{{state.rounds}}',
            note: 'round {{state.rounds}} of {{input.claim}}',
          },
          params: z.object({ claim: z.string(), round: z.int(), note: z.string() }),
          result: z.number(),
          run: score,
        }),
        into: {
          name: 'scored',
          reduce: (state, result: number) => ({
            ...state,
            score: result,
            rounds: state.rounds + 1,
            notes: [...state.notes, `${result}`],
          }),
        },
      },
      { kind: 'choice', id: 'sure' },
      {
        kind: 'end',
        id: 'end',
        output: { claim: '{{state.claim}}', score: '{{state.score}}', rounds: '{{state.rounds}}' },
      },
    ],
    edges: [
      { from: 'start', to: 'score' },
      { from: 'score', to: 'sure' },
      {
        from: 'sure',
        to: 'end',
        when: { name: 'enough', test: ({ score = 0 }, { enough }) => score >= enough },
      },
      { from: 'sure', to: 'end', when: { name: 'three rounds', test: ({ rounds }) => rounds >= 3 } },
      { from: 'sure', to: 'score' },
    ],
  })
}
