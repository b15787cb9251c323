"""A calmer garbage collector, for processes that handle very many small objects that die young.

It must not know what the process does.
"""

import gc

COLLECTION_THRESHOLDS = (10_000, 20, 100)


def calm_collector() -> None:
    """What is there now lives as long as the process and is not looked at again; what comes, more rarely.

    Call it once the process has loaded its code.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTION_THRESHOLDS)
