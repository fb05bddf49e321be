/**
 * Times in whole seconds, which is what sessions have: fractions make Swift's parser give no date at all, and other zones
 * than `Z` break JavaScript's. Each is named by how it rounds, as an end that is a second late is a promise broken.
 */
export const isoSecondsFloor = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')

export const isoSecondsCeil = (ms: number): string => isoSecondsFloor(Math.ceil(ms / 1_000) * 1_000)
