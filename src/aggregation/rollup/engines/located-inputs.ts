import { AppError } from '../../../std/errors.ts'
import type { LakeArrivals } from '../../ingest/index/arrivals.ts'
import type { Engine, EngineResult, WindowPlan } from './engine.ts'

/** What an engine or a lake says of an object that it cannot read, and of other things as well. */
export const isPerhapsOfInput = (error: unknown): error is AppError =>
  error instanceof AppError && ['engine_failed', 'input_missing'].includes(error.code)

interface Computing {
  readonly engine: Pick<Engine, 'compute'>
  readonly locate: LakeArrivals['locate']
}

/** A window, computed from objects by the keys under which they arrived. */
export interface LocatedPlan extends Omit<WindowPlan, 'outputPrefix'> {
  /** New for each attempt. */
  readonly nextPrefix: () => string
}

/** From where its inputs lie now. */
export const computeLocated = (
  { engine, locate }: Computing,
  { nextPrefix, ...plan }: LocatedPlan,
  signal: AbortSignal,
): Promise<EngineResult> =>
  readLocated({ locate, keys: plan.inputs, signal }, (inputs) =>
    engine.compute({ ...plan, inputs, outputPrefix: nextPrefix() }, signal),
  )

interface Reading {
  readonly locate: LakeArrivals['locate']
  /** Under which the objects arrived. */
  readonly keys: readonly string[]
  readonly signal: AbortSignal
}

/** Reads objects where their rows lie now. That may change after it was looked up: then they are read where they came to lie. */
export async function readLocated<T>(
  { locate, keys, signal }: Reading,
  read: (places: readonly string[]) => Promise<T>,
): Promise<T> {
  const places = await locate(keys)
  try {
    return await read(places)
  } catch (error) {
    if (!isPerhapsOfInput(error) || signal.aborted) throw error
    const now = await locate(keys, { anew: true })
    if (String(now) === String(places)) throw error
    return read(now)
  }
}
