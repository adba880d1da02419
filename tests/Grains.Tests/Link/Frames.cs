using System.Text;
using Presence.Node;

namespace Presence.Grains.Tests.Link;

internal static class Frames
{
    public static LinkFrame Of(string text, int shard = 0) => new("presence", shard, Encoding.UTF8.GetBytes(text));

    public static string Text(this RecordingReceiver.Heard heard) => Encoding.UTF8.GetString(heard.Body);
}
