import { inputsDigest, MANIFEST_VERSION, type Manifest } from './manifest.ts'
import type { WindowInputs } from './window-inputs.ts'

/** What a computation found out. */
export interface ManifestFacts extends Omit<Manifest, 'version' | 'completions' | 'inputs'> {
  readonly inputs: WindowInputs
}

/** The manifest of a computation that follows on another, if any. */
export function manifestAfter(previous: Manifest | undefined, computed: ManifestFacts): Manifest {
  const digest = inputsDigest(computed.inputs.keys)
  const isNews = computed.complete && !isRepetition(previous, digest)
  return {
    version: MANIFEST_VERSION,
    ...computed,
    completions: completionsOf(previous) + (isNews ? 1 : 0),
    inputs: { ...computed.inputs, digest },
  }
}

/** A finished window computed again from what it was computed from: somebody asked, and no late rows came. */
const isRepetition = (previous: Manifest | undefined, digest: string): boolean =>
  previous?.complete === true && previous.inputs.digest === digest

/** What was committed while the window was open makes nobody wait longer for late rows. */
const completionsOf = (previous: Manifest | undefined): number =>
  previous?.completions ?? (previous?.complete ? previous.generation : 0)
