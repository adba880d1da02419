namespace Presence.Processes.Tests.Chaos;

/// <summary>Tests of <see cref="ExpectedErrors"/>.</summary>
public sealed class ExpectedErrorsTests
{
    [Theory]
    [InlineData("Orleans.Runtime.FatalErrorHandler[#]\n      Fatal error from Orleans.Runtime.MembershipService."
        + "MembershipTableManager. Context: I have been told I am #, so this silo will stop!", true)]
    [InlineData("Orleans.Runtime.FatalErrorHandler[#]\n      Fatal error from Orleans.Runtime.Silo.", false)]
    [InlineData("Orleans.Runtime.MembershipService.LocalSiloHealthMonitor[#]\n      "
        + ".NET Thread Pool execution stalled for #.#s.", true)]
    [InlineData("Orleans.Runtime.Silo[#]\n      .NET Thread Pool execution stalled for #.#s.", false)]
    [InlineData("Presence.Node[#]\n      Subscriber threw; it keeps receiving diffs (# occurrences)", false)]
    [InlineData("Npgsql.Connection[#]\n      Exception while reading from stream", false)]
    [InlineData("without a category", false)]
    public void Listed_messages_of_their_category_are_expected(string line, bool isExpected) =>
        Assert.Equal(isExpected, ExpectedErrors.Contain(line));
}
