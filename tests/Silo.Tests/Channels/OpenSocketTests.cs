namespace Presence.Silo.Tests.Channels;

public sealed class OpenSocketTests : HelloSocketsCase
{
    [Fact]
    public async Task Anybody_connects_without_parameters_to_a_socket_that_calls_itself_nothing()
    {
        var socket = await AnybodyAsync();
        Assert.True(socket.IsOpen);
        Assert.Null(socket.Id);
    }
}
