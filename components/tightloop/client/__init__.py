"""On the bus from Python: publish instructions, read any topic as typed records, order what operators order.

Other languages need nothing of this: a Kafka client and the schemas.
"""
