/** One acknowledged batch, as it lies in the journal. */
export interface Frame {
  /** Grows from frame to frame, across restarts, with gaps where an append failed. */
  readonly sequence: number
  readonly lines: Buffer
  readonly count: number
  readonly receivedMs: number
}

export interface BacklogState {
  readonly frames: number
  readonly events: number
  readonly bytes: number
  /** Arrival of the oldest undelivered event, epoch ms; undefined when nothing waits. */
  readonly oldestMs: number | undefined
}

/** What events are delivered to. */
export type SinkKind = 'lake' | 'kinesis'

/** Where the events of a frame ended. */
export type Destination = 'delivered' | 'fallback' | 'deadLettered'

/** How many events ended where. */
export type Ended = Readonly<Record<Destination, number>>

/** The reading end of a journal: frames to be read in order, and to be forgotten in order. */
export interface FrameStore {
  /**
   * The next committed frames in order, each handed out once per process: at least one, and no more than `maxBytes`
   * of lines unless the first alone is larger. Waits while there is none; resolves empty when the signal aborts. Rejects
   * with `journal_unavailable` when the disk cannot be read: nothing is lost, ask again.
   */
  read(maxBytes: number, signal: AbortSignal): Promise<readonly Frame[]>
  /**
   * Every frame up to and including `sequence` has reached its outcome. They are no backlog from the call on; resolves
   * when their room may be used again. Never rejects: what fails now is made good by a later call, or the next start.
   */
  release(sequence: number): Promise<void>
  state(): BacklogState
}

/**
 * What the pump drains. Whoever answered for the events stands behind it, and counts where they ended: the pump only
 * tells.
 */
export interface Backlog extends FrameStore {
  /**
   * Told once of each frame, when the last of its events has ended, and before those ahead of it need have. Release
   * follows.
   */
  arrived(sequence: number, ended: Ended): void
}
