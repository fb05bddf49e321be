import { test } from 'tap'
import { nearestPathOf } from '../../../src/std/input/nearest-path.ts'

const routes = [
  '/runs',
  '/v1/runs/:id',
  '/v1/events',
  '/v1/things/:thing',
  '/livez',
  '/alerts',
  '/v1/alarms',
  '/',
]
const nearestPath = nearestPathOf(routes)

test('the route that a path was meant for is found by all of it, or by its last name', async (t) => {
  for (const [written, route] of [
    ['/v1/event', '/v1/events'],
    ['/V1/Events', '/v1/events'],
    ['/evnets', '/v1/events'],
    ['/api/v1/events/', '/v1/events'],
    ['/thing/:x', '/v1/things/:thing'],
    ['/v3/runs', '/runs'],
    ['/live', '/livez'],
    ['/v1/alerts', '/alerts'],
    ['/v1/alarm', '/v1/alarms'],
    ['/', undefined],
    ['', undefined],
    ['/v1', undefined],
    ['/v1/traces', undefined],
    ['/v1/events/and/more', undefined],
    [`/${'v1/'.repeat(19)}events`, '/v1/events'],
    [`/${'v1/'.repeat(20)}events`, undefined],
  ] as const)
    t.equal(nearestPath(written), route, written)
})
