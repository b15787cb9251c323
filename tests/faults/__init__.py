"""The whole product as real processes through Kafka, under load, with one fault a round; `python -m tests.faults`."""
