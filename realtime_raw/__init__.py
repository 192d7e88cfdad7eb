"""A minimal, manual-turn client for the OpenAI Realtime API over a raw WebSocket.

    import realtime_raw as rt

    async with rt.connect(model="gpt-realtime-2.1") as conn:
        await conn.append(pcm)
        await conn.commit()
        reply = await conn.respond()
        async for pcm in reply.audio(): ...

Names are loaded on first use (PEP 562): importing the package loads none of
numpy, pydantic, websockets or asyncio.
"""
