"""Operations of the data plane one by one, over a store in memory."""
