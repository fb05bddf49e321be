import { test } from 'tap'
import { DEFAULT_SETS } from '../../../../src/aggregation/rollup/model/definition.ts'
import { duckdbDialect, eventsIn } from '../../../../src/aggregation/rollup/sql/duckdb-dialect.ts'
import { rowsOfAllSets } from '../../../../src/aggregation/rollup/sql/few-rows-sql.ts'
import {
  FEW_COUNTS,
  judgeFew,
  keepFew,
  keepOnce,
  outcomes,
} from '../../../../src/aggregation/rollup/sql/keep-sql.ts'
import {
  beyondLimits,
  beyondValues,
  countBuckets,
  countValues,
  nameGroups,
  rankValues,
  rollupRows,
} from '../../../../src/aggregation/rollup/sql/rollup-sql.ts'

const query = {
  definition: { sets: DEFAULT_SETS, bots: 'exclude' as const, maxMetrics: 500, maxValues: 500 },
  fromMs: 1_000,
  toMs: 2_000,
  lateAfterMs: 3_000,
}
const [appSet, routeSet] = DEFAULT_SETS
const part = { table: 'buckets', isRanked: true, isOfOneWeight: false, chunk: 1, chunks: 4 }

test('the dialect is the only place where databases differ', (t) => {
  const dialect = {
    double: '<DOUBLE>',
    wide: '<WIDE>',
    code: () => '<CODE>',
    sum: () => '<SUM>',
    pack: '<PACK>',
    isNaN: () => '<NAN>',
    hash: () => '<HASH>',
    attribute: () => '<ATTRIBUTE>',
    forEach: () => '<FOR EACH>',
    createTable: (name: string, query: string) => `<CREATE ${name}> ${query}`,
  }
  const set = routeSet ?? { name: '', dimensions: [] }
  const texts = [
    outcomes(dialect, query),
    ...keepOnce(dialect, query),
    keepFew(dialect, query),
    FEW_COUNTS,
    ...judgeFew(dialect, query),
    ...[false, true].map((isRanked) => rowsOfAllSets(dialect, query, { measured: 'measured', isRanked })),
    beyondLimits(query),
    ...nameGroups(dialect, query),
    ...[false, true].map((isOfBuckets) =>
      countBuckets(dialect, query, { set, table: 'buckets', source: { table: 'measured', isOfBuckets } }),
    ),
    countValues(dialect, query, { set, table: 'buckets' }),
    beyondValues(query),
    ...rankValues(dialect, query, set),
    rollupRows(dialect, query, { set, ...part }),
  ]
  for (const own of [
    /\bDOUBLE\b(?!>)/,
    /isnan/i,
    /string_agg/i,
    /(?<!<)\bhash\(/i,
    /CREATE (OR|TEMP|TABLE)/,
    /::/,
    /\bROUND\b/,
    /HUGEINT|ENUM/,
    /json/i,
    /EPOCH|TIMESTAMP/,
  ])
    t.notMatch(texts.join('\n'), own)
  t.end()
})

test('a set is cut into parts only when it has to be', (t) => {
  const set = appSet ?? { name: '', dimensions: [] }
  t.notMatch(rollupRows(duckdbDialect(), query, { set, ...part, chunk: 0, chunks: 1 }), /MOD\(/)
  t.match(
    rollupRows(duckdbDialect(), query, { set, ...part }),
    /MOD\(CAST\(hash\(app, metric, unit, place\) >> 1 AS BIGINT\), 4\) = 1/,
  )
  t.end()
})

test('names and paths are quoted', (t) => {
  t.match(
    rollupRows(duckdbDialect(), query, { set: { name: "it's", dimensions: [] }, ...part }),
    /'it''s' AS "set"/,
  )
  t.match(eventsIn(["/lake/it's.parquet"], ['name']), /\['\/lake\/it''s\.parquet'\]/)
  t.end()
})
