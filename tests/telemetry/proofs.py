"""What must hold of what others are told."""

import broadcast
import canary
import deployed
import traces

ALL = {
    "grpc": traces.over_grpc,
    "http": traces.over_http,
    "away": traces.a_collector_that_is_away,
    "broadcast": broadcast.destinations,
    "canary": canary.never_told,
    "rules": deployed.rules,
    "dashboard": deployed.form,
    "prometheus": deployed.scraped,
}
