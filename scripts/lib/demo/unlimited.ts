const MANY = 1_000_000_000

/**
 * Limits of an app, and of vending, that are out of the way: here they would only hide what lies behind them. They are
 * tested elsewhere.
 */
export const UNLIMITED = { requestsPerSecond: 1e6, burst: 1e6, bytesPerSecond: 1e12, eventsPerSecond: 1e9 }
export const UNLIMITED_VENDING = {
  ...{ addressPerMinute: MANY, subjectPerHour: MANY, appPerMinute: MANY, newSubjectsPerMinute: MANY },
  ...{ publicPerMinute: MANY, stsPerSecond: MANY, stsBurst: MANY },
}
