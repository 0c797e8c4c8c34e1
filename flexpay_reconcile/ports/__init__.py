"""What operations need of the world, as Protocols; adapters provide it. No implementation and no technology here.

Gateways are split by power: who may read, who may write, who may charge (import law 9).
"""
