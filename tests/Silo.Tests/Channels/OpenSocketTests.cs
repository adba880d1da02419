namespace Presence.Silo.Tests.Channels;

public sealed class OpenSocketTests : HelloSocketsCase
{
    [Fact]
    public async Task Anybody_connects_without_parameters()
    {
        var socket = await AnybodyAsync();

        Assert.True(socket.IsOpen);
    }

    [Fact]
    public async Task The_socket_calls_itself_nothing()
    {
        var socket = await AnybodyAsync();

        Assert.Null(socket.Id);
    }
}
