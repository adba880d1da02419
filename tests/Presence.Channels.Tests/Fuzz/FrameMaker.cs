namespace Presence.Channels.Tests.Fuzz;

/// <summary>Frames from well-formed to random bytes, out of one seed.</summary>
internal sealed class FrameMaker(int seed)
{
    private static readonly string[] Topics =
        ["fuzz:1", "fuzz:1", "fuzz:1", "fuzz:2", "fuzz:2", "fuzz:3", "fuzz:no", "fuzz:crash", "phoenix", "nowhere", "",
            "fuzz:\u0000", "fuzz:🚀", "fuzz:" + new string('t', 300)];

    private static readonly string[] Events =
    [
        "phx_join", "phx_join", "phx_join", "phx_join", "phx_leave", "echo", "push", "all", "later", "update",
        "heartbeat", "echo", "push", "all", "out", "later", "update", "crash", "stop",
        "phx_reply", "phx_close", "phx_error", "presence_state", "", "no such event", new('e', 300),
    ];

    private static readonly string[] Payloads =
    [
        "{}", "{}", "null", "[]", "1e999", "-0", "\"\\ud83d\\ude80\"", "\"\\ud83d\"",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]}}", "{\"phx_ref\":\"x\"}",
        "{\"a\":1,\"a\":2}", "{\"__proto__\":{}}", "true", "\"" + new string('x', 3000) + "\"",
        new string('[', 70) + new string(']', 70),
    ];

    private readonly Random _random = new(seed);

    public (byte[] Bytes, bool Binary) Next(bool v1)
    {
        var kind = _random.Next(100);
        if (kind < 2)
        {
            var noise = new byte[_random.Next(200)];
            _random.NextBytes(noise);
            return (noise, _random.Next(2) == 0);
        }

        var binary = _random.Next(4) == 0;
        var frame = binary ? BinaryPush() : Encoding.UTF8.GetBytes(v1 ? TextV1() : TextV2());
        // Most are valid: an invalid one ends its socket, and no topic would ever be joined.
        return (kind < 92 ? frame : Mutated(frame), kind < 99 ? binary : !binary);
    }

    private string TextV2() =>
        $"[{Ref()},{Ref()},{Text(Topics)},{Text(Events)},{Pick(Payloads)}{(_random.Next(50) == 0 ? ",1" : "")}]";

    private string TextV1() =>
        $$"""{"topic":{{Text(Topics)}},"event":{{Text(Events)}},"payload":{{Pick(Payloads)}},"ref":{{Ref()}}}""";

    private byte[] BinaryPush()
    {
        var names = new[] { Ref().Trim('"'), Ref().Trim('"'), Pick(Topics), Pick(Events) }
            .Select(Encoding.UTF8.GetBytes).ToArray();
        var data = new byte[_random.Next(50)];
        _random.NextBytes(data);
        return [0, .. names.Select(name => (byte)name.Length), .. names.SelectMany(name => name), .. data];
    }

    private byte[] Mutated(byte[] frame)
    {
        var bytes = frame.ToList();
        for (var times = _random.Next(1, 4); times > 0 && bytes.Count > 0; times--)
        {
            var at = _random.Next(bytes.Count);
            switch (_random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << _random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)_random.Next(256);
                    break;
                case 2:
                    bytes.Insert(at, (byte)"[]{}\",:\\0"[_random.Next(9)]);
                    break;
                case 3:
                    bytes.RemoveRange(at, _random.Next(1, bytes.Count - at + 1));
                    break;
                case 4:
                    bytes.InsertRange(at, bytes.GetRange(0, at));
                    break;
                default:
                    bytes.RemoveAt(at);
                    break;
            }
        }

        return [.. bytes];
    }

    private string Ref() => _random.Next(6) switch
    {
        0 or 1 => "null",
        2 when _random.Next(4) == 0 => "\"\"",
        3 when _random.Next(8) == 0 => $"\"{new string('r', 250)}\"",
        _ => $"\"{_random.Next(3)}\"",
    };

    private string Text(string[] from) => JsonSerializer.Serialize(Pick(from));
    private string Pick(string[] from) => from[_random.Next(from.Length)];
}
