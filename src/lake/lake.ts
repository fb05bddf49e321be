/** The largest object that is read into memory where its kind has no bound of its own. Ours. */
export const MAX_GET_BYTES = 268_435_456

export interface LakeObject {
  /** Relative to the lake's root, `/`-separated. */
  readonly key: string
  readonly bytes: number
  readonly modifiedMs: number
  /** When it came to lie here. A copy may bring along when it was modified, but not this. */
  readonly storedMs: number
}

/**
 * Second seam: whole objects by key. Every object is complete or absent; none is ever changed in place, though an erasure
 * puts one in the place of what it was, without some of its rows. What fails
 * rejects with `lake_failed`; a put that did may have stored its object all the same.
 */
export interface Lake {
  /** Stores the object durably. With `ifAbsent`, an existing object stays as it is and the answer is `exists`. */
  put(key: string, body: Uint8Array, options?: { readonly ifAbsent?: boolean }): Promise<'stored' | 'exists'>
  /** Like `put`, from a local file, which is moved, or removed once its object is stored. */
  putFile(key: string, path: string): Promise<void>
  /**
   * The object's bytes, or undefined when there is none. One of more than `maxBytes`, by default `MAX_GET_BYTES`, is not
   * read: it rejects, with a cause that `isTooLarge`.
   */
  get(key: string, maxBytes?: number): Promise<Buffer | undefined>
  /**
   * Many small objects in one go, by key: those that could be read so. Each of the others is to be asked for by itself,
   * which says what is wrong with it. Left out by a lake where that takes no less.
   */
  readonly getSmall?: (keys: readonly string[]) => Promise<ReadonlyMap<string, Buffer>>
  /** A local path from which the object can be read until `release` is called; undefined when there is none. */
  open(key: string): Promise<{ readonly path: string; release(): Promise<void> } | undefined>
  /** All objects whose key starts with `prefix`, in key order. Unfinished ones, and names that are no keys, are never listed. */
  list(prefix: string): Promise<readonly LakeObject[]>
  /** Their keys alone. A local disk has to look at each object that it lists, and at none for this. */
  keys(prefix: string): Promise<readonly string[]>
  /**
   * The folders directly below a prefix that is empty or ends in a slash: what keys that start with it have up to their next
   * slash, that one included, in order. On a disk also those that are empty by now.
   */
  folders(prefix: string): Promise<readonly string[]>
  /**
   * When each partition below the prefix last changed, by its key, which ends in a slash: something directly in it was
   * stored, replaced or removed. Left out by a lake where only a listing tells.
   */
  readonly changes?: (prefix: string) => Promise<ReadonlyMap<string, number>>
  /**
   * Makes durable what lies directly in a folder, whose key ends in a slash: an object that can be read is not sure to survive
   * a power cut, as whoever stored it may have failed, or died, before it was. Left out by a lake where it is.
   */
  readonly makeDurable?: (folder: string) => Promise<void>
  /** Removes the objects; absent ones are no error. */
  remove(keys: readonly string[]): Promise<void>
}
